// The health check of the container: requests /-/healthy at the address in the exporter's flags and variables. Exits with 0 or 1, and prints a line
// with the reason.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:tls';
import { readOptions } from '../../dist/flags.js';

const TIMEOUT_MS = 4_000;
/** An exporter that asks for a password is healthy too. */
const SERVES = [200, 401];
const ANY_HOST = { '0.0.0.0': '127.0.0.1', '::': '::1' };

try {
  process.stdout.write(`${await ask()}\n`);
} catch (error) {
  process.stdout.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** The flags of the first process, or of its child if it is an init program. */
function exporterFlags() {
  const command = readFileSync('/proc/1/cmdline', 'utf8').split('\0').slice(0, -1);
  const program = command.findIndex((argument) => argument.endsWith('/dist/bin.js'));
  // The container runs another program, or shares its processes with other containers.
  if (program < 0)
    throw new Error(`expected the exporter as the first process, found ${command.slice(0, 2).join(' ')}`);
  return command.slice(program + 1);
}

function ask() {
  const { listenAddresses, routePrefix, webConfigFile } = readOptions({ argv: exporterFlags(), env: process.env }, []);
  const [listenAddress] = listenAddresses;
  const host = ANY_HOST[listenAddress.host] ?? listenAddress.host ?? '127.0.0.1';
  const target = { host, port: listenAddress.port, path: `${routePrefix}/-/healthy`, timeout: TIMEOUT_MS };
  // A web configuration may switch TLS on, or only require passwords.
  return webConfigFile === undefined ? askOverHttp(target) : shakeHands(target).catch(() => askOverHttp(target));
}

function askOverHttp(target) {
  return new Promise((resolve, reject) => {
    const request = get({ ...target, agent: false }, (response) => {
      response.resume();
      if (SERVES.includes(response.statusCode)) resolve(`answered ${response.statusCode}`);
      else reject(new Error(`expected ${SERVES.join(' or ')} of ${target.path}, found ${response.statusCode}`));
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  });
}

/** Only a TLS handshake: a request may need a client certificate. */
function shakeHands({ host, port, timeout }) {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout, rejectUnauthorized: false }, () => {
      socket.destroy();
      resolve('answered with a TLS handshake');
    });
    socket.on('error', reject);
    socket.on('timeout', () => socket.destroy(new Error(`no handshake within ${TIMEOUT_MS} ms`)));
  });
}
