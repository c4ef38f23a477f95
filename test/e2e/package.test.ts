// The npm package as its users get it: packed here, installed from the file in an empty folder, and run there.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startDemo } from './helpers/demo.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { ROOT, run } from './helpers/program.ts';
import { until } from './helpers/until.ts';

const INSTALL_MS = 3 * 60_000;
const PACKAGE = 'node_modules/acr-scan-exporter';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** An empty folder into which the packed tarball was installed. */
function installTarball(t: ExecutionContext): string {
  const packed = temporaryDirectory(t);
  const { status, stderr } = run('npm', ['pack', '--pack-destination', packed], { timeoutMs: INSTALL_MS });
  t.is(status, 0, stderr);
  const folder = join(temporaryDirectory(t), 'empty');
  mkdirSync(folder);
  const tarball = join(packed, `acr-scan-exporter-${version}.tgz`);
  const installed = run('npm', ['install', '--no-audit', tarball], { cwd: folder, timeoutMs: INSTALL_MS });
  t.is(installed.status, 0, installed.stderr);
  return folder;
}

test('this tree may be released, but for the section in the changelog and what is not committed', (t) => {
  const { status, stdout } = run('npm', ['run', '--silent', 'release:check', '--', '--unreleased'], {
    timeoutMs: INSTALL_MS,
  });
  t.is(status, 0, stdout);
  t.is(stdout.match(/^ok /gm)?.length, 8, stdout);
});

test('two clean checkouts give the same tarball, byte for byte', (t) => {
  t.timeout(2 * INSTALL_MS);
  /** Packs a new checkout at another place, in another time zone. The package has the modes of the files, so the umask is the usual one. */
  const packed = (folder: string, zone: string) => {
    const checkout = join(temporaryDirectory(t), folder);
    const script = `umask 022 && git clone --quiet "${ROOT}" "${checkout}" && ln -s "${ROOT}/node_modules" "${checkout}/" && cd "${checkout}" && TZ=${zone} npm pack --silent`;
    const { status, stderr } = run('sh', ['-c', script], { timeoutMs: INSTALL_MS });
    t.is(status, 0, stderr);
    return createHash('sha512')
      .update(readFileSync(join(checkout, `acr-scan-exporter-${version}.tgz`)))
      .digest('hex');
  };
  t.is(packed('here', 'UTC'), packed('in/another/place', 'Asia/Shanghai'));
});

test('the tarball, installed in an empty folder, tells its version, checks a configuration and runs the demo', async (t) => {
  const folder = installTarball(t);
  const shown = run('npx', ['--no-install', 'acr-scan-exporter', '--version'], { cwd: folder });
  t.regex(
    shown.stdout,
    new RegExp(`^acr-scan-exporter ${version.replaceAll('.', '\\.')} \\(revision [0-9a-f]+, node v`),
  );
  t.is(
    run('npx', ['--no-install', 'acr-simulator', '--version'], { cwd: folder }).stdout,
    `acr-simulator ${version}\n`,
  );
  for (const config of ['acr-scan-exporter.yml', 'demo.yml']) {
    const flags = [`--config.file=${PACKAGE}/config/${config}`, '--config.check'];
    const checked = run('npx', ['--no-install', 'acr-scan-exporter', ...flags], { cwd: folder });
    t.is(checked.status, 0, checked.stderr);
    t.regex(checked.stdout, /CREDENTIALS .* TAGS/);
  }
  const demo = await startDemo(t, ['npm', '--prefix', PACKAGE, 'run', 'demo', '--'], folder);
  await until('complete tags', 30_000, async () => {
    const page = await (await fetch(demo.metricsUrl)).text();
    return /^acr_scan_tags\{.*status="complete"\} [1-9]/m.test(page) || undefined;
  });
});
