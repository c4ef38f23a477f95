// Command lines and environments.
import fc from 'fast-check';
import { FLAGS, readOptions, UsageError, variableOf } from '../../src/flags.ts';
import { main } from '../../src/simulator/cli.ts';
import { FIXED_PATHS } from '../../src/web/assets.ts';
import { requireFitMessage } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { anyText, madeOf, repeated } from '../texts.ts';

const NAMES = [...Object.keys(FLAGS), 'no-web.enable-lifecycle', 'x', '', '__proto__', 'constructor'];
const VALUES = [
  '',
  'debug',
  'json',
  ':0',
  '127.0.0.1:9',
  '[::1]:80',
  '/m',
  '/',
  '/a/../b',
  'https://example.com/acr/',
  'https://user:password@example.com',
  '/-/ready',
  'true',
  'false',
  '=',
  '-',
  '--',
  '\u0085',
  '\u202e',
];
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 2, arbitrary: anyText(12) },
  { weight: 1, arbitrary: repeated(['/a', 'a', '.', ':', '[', '1'], 5_000) },
);
const argument = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...NAMES), value).map(([name, given]) => `--${name}=${given}`) },
  { weight: 2, arbitrary: fc.constantFrom(...NAMES).map((name) => `--${name}`) },
  { weight: 1, arbitrary: value },
  { weight: 1, arbitrary: madeOf(['-', 'h', 'v', '=', 'no-', 'log.level', '\n'], 4) },
);
const environment = fc.dictionary(fc.constantFrom(...Object.keys(FLAGS).map(variableOf)), value, { maxKeys: 3 });

export const commandLines = defineTarget({
  name: 'command-lines',
  sentence: 'a command line and an environment give options within their bounds, or one line that says what is wrong',
  share: 3,
  inputs: fc.record({ argv: fc.array(argument, { maxLength: 4 }), env: environment }),
  open: () => ({
    check: ({ argv, env }) => {
      try {
        const { listenAddresses, telemetryPath, routePrefix, configFile } = readOptions({ argv, env }, FIXED_PATHS);
        if (listenAddresses.length === 0) throw new Error('no address');
        for (const { port } of listenAddresses) if (!(port >= 0 && port < 65_536)) throw new Error(`a port ${port}`);
        if (configFile === '') throw new Error('no path for the configuration');
        const isOwn = FIXED_PATHS.every((path) => path !== telemetryPath);
        if (!isOwn || new URL(telemetryPath, 'http://x').pathname !== telemetryPath)
          throw new Error(`a path ${telemetryPath}`);
        if (new URL(`${routePrefix}/`, 'http://x').pathname !== `${routePrefix}/`)
          throw new Error(`a prefix ${routePrefix}`);
        return 'options';
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        requireFitMessage(
          error.message,
          'the message',
          [...argv, ...Object.values(env)].join(' '),
          Number.POSITIVE_INFINITY,
        );
        return 'a message';
      }
    },
  }),
});

const SIMULATOR = ['listen-address', 'seed', 'log.format', 'help', 'version', 'scenario', 'x', ''];

export const simulatorCommandLines = defineTarget({
  name: 'simulator-command-lines',
  sentence: 'a command line of the simulator is understood, or one line says what is wrong',
  share: 0.5,
  inputs: fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom(...SIMULATOR), value).map(([name, given]) => `--${name}=${given}`),
      fc.constantFrom(...SIMULATOR).map((name) => `--${name}`),
      value,
    ),
    { maxLength: 3 },
  ),
  open: () => ({
    check: async (argv) => {
      let [shown, written] = ['', ''];
      const status = await main({
        // The last one counts: there is no such file, so that nothing is started.
        argv: [...argv.filter((each) => each !== '--'), '--scenario=/nonexistent/scenario.yml'],
        version: '1.2.3',
        stdout: (text) => {
          written += text;
        },
        stderr: (text) => {
          shown += text;
        },
        stop: AbortSignal.abort(),
      });
      const [line = '', ...rest] = shown.split('\n');
      if (status === 0) return written.length > 0 ? 'help or version' : 'nothing';
      requireFitMessage(line, 'the message', argv.join(' '), Number.POSITIVE_INFINITY);
      if (rest.join('') !== '') throw new Error(`expected one line, found ${shown}`);
      return status === 2 ? 'a message' : 'understood';
    },
  }),
});
