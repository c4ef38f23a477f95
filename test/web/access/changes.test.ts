// Files that change while the server runs. The looks for changes are a second apart: server.pass lets it go by.
import { execFileSync } from 'node:child_process';
import { renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { HASH, OTHER_HASH, type RunningServer, startWebServer, TLS_FILES } from '../../helpers/web-server.ts';

const TLS = `tls_server_config: { ${TLS_FILES} }\n`;

function keptAlive(t: ExecutionContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  return agent;
}

function logged({ log }: RunningServer, message: string): readonly string[] {
  return log.filter((line) => line.includes(message));
}

test('a new certificate is served to new connections, and those that exist go on', async (t) => {
  const server = await startWebServer(t, TLS);
  const agent = keptAlive(t);
  t.is((await server.ask({ agent })).servedBy, 'server');
  server.copy('next-server.crt', 'server.crt');
  server.copy('next-server.key', 'server.key');
  server.pass(1_000);
  t.is((await server.ask()).servedBy, 'next-server');
  t.is((await server.ask({ agent })).servedBy, 'server');
  t.is(logged(server, 'web configuration reloaded').length, 1);
});

test('a certificate without its key leaves the last good pair in force and is logged once', async (t) => {
  const server = await startWebServer(t, TLS);
  server.copy('next-server.crt', 'server.crt');
  for (const _ of [1, 2, 3]) {
    server.pass(1_000);
    t.is((await server.ask()).servedBy, 'server');
  }
  const complaints = logged(server, 'web configuration not reloaded');
  t.is(complaints.length, 1);
  t.regex(complaints[0] ?? '', /key_file: expected the key of the certificate, found the key of another one/);
  server.copy('next-server.key', 'server.key');
  server.pass(1_000);
  t.is((await server.ask()).servedBy, 'next-server');
});

test('a certificate whose key is of another type leaves the last good pair in force', async (t) => {
  const server = await startWebServer(t, TLS);
  server.copy('rsa-server.crt', 'server.crt');
  server.pass(1_000);
  t.is((await server.ask()).servedBy, 'server');
  t.regex(logged(server, 'web configuration not reloaded')[0] ?? '', /key_file: expected the key of the certificate/);
  server.copy('rsa-server.key', 'server.key');
  server.pass(1_000);
  await t.throwsAsync(server.ask(), { message: /self-signed/ });
  t.is(logged(server, 'web configuration reloaded').length, 1);
});

test('a link that is turned to another directory, as Kubernetes does it, is followed', async (t) => {
  const server = await startWebServer(t, 'basic_auth_users: {}');
  const at = (name: string) => join(server.directory, name);
  writeFileSync(at('one.yml'), `basic_auth_users: { alice: ${HASH} }`);
  writeFileSync(at('two.yml'), `basic_auth_users: { alice: ${OTHER_HASH} }`);
  const turnTo = (name: string) => {
    symlinkSync(name, at('link'));
    renameSync(at('link'), at('web.yml'));
    server.pass(1_000);
  };
  turnTo('one.yml');
  t.is((await server.ask({ auth: 'alice:secret' })).status, 200);
  turnTo('two.yml');
  t.is((await server.ask({ auth: 'alice:secret' })).status, 401);
  t.is((await server.ask({ auth: 'alice:other-secret' })).status, 200);
});

test('a new password holds at once, without a second going by, and the old one no longer than that second', async (t) => {
  const server = await startWebServer(t, `basic_auth_users: { alice: ${HASH} }`);
  t.is((await server.ask({ auth: 'alice:secret' })).status, 200);
  server.write(`basic_auth_users: { alice: ${OTHER_HASH} }`);
  t.is((await server.ask({ auth: 'alice:other-secret' })).status, 200);
  t.is((await server.ask({ auth: 'alice:secret' })).status, 401);
  server.write(`basic_auth_users: { bob: ${HASH} }`);
  server.pass(1_000);
  t.is((await server.ask({ auth: 'alice:other-secret' })).status, 401);
});

test('users and headers of a file that turns bad stay, whatever else is in it', async (t) => {
  const server = await startWebServer(
    t,
    `basic_auth_users: { alice: ${HASH} }\nhttp_server_config: { headers: { X-XSS-Protection: a } }`,
  );
  const attempts = [
    `basic_auth_users: { alice: ${OTHER_HASH}, bob: plain }`,
    'basic_auth_users: [',
    '',
    ' \n',
    'http_server_config: { headers: { X-XSS-Protection: b }, http3: true }',
  ];
  for (const text of attempts) {
    server.write(text);
    server.pass(1_000);
    t.is((await server.ask()).status, 401, text);
    const { status, headers } = await server.ask({ auth: 'alice:secret' });
    t.deepEqual([status, headers['x-xss-protection']], [200, 'a'], text);
  }
  unlinkSync(join(server.directory, 'web.yml'));
  server.pass(1_000);
  t.is((await server.ask()).status, 401);
  t.is(logged(server, 'web configuration not reloaded').length, attempts.length + 1);
  t.false(server.log.join('').includes('plain'));
  server.write('{}');
  server.pass(1_000);
  t.is((await server.ask()).status, 200);
});

test('a pipe that takes the place of a file is refused at once, and the last good settings stay', async (t) => {
  for (const name of ['web.yml', 'server.key']) {
    const server = await startWebServer(t, `${TLS}basic_auth_users: { alice: ${HASH} }`);
    const path = join(server.directory, name);
    unlinkSync(path);
    execFileSync('mkfifo', [path]);
    server.pass(1_000);
    t.is((await server.ask({ auth: 'alice:secret' })).status, 200);
    t.regex(logged(server, 'web configuration not reloaded').join(''), /found a pipe/);
  }
});

test('the policy for client certificates changes for the next connection', async (t) => {
  const server = await startWebServer(t, TLS);
  t.is((await server.ask()).status, 200);
  server.write(
    `tls_server_config: { ${TLS_FILES}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: authority.crt }`,
  );
  server.pass(1_000);
  await t.throwsAsync(server.ask());
  t.is((await server.ask({ certificate: 'client' })).status, 200);
});

test('TLS is neither switched off nor on by a change, the rest of which holds', async (t) => {
  const encrypted = await startWebServer(t, TLS);
  encrypted.write(`basic_auth_users: { alice: ${HASH} }`);
  encrypted.pass(1_000);
  t.is((await encrypted.ask()).status, 401);
  t.is((await encrypted.ask({ auth: 'alice:secret' })).status, 200);
  t.is(logged(encrypted, 'only by a restart').length, 1);

  const plain = await startWebServer(t, '{}');
  plain.write(`${TLS}basic_auth_users: { alice: ${HASH} }`);
  plain.pass(1_000);
  t.false(plain.accessControl.isEncrypted);
  t.is((await plain.ask()).status, 401);
  t.is((await plain.ask({ auth: 'alice:secret' })).status, 200);
  t.is(logged(plain, 'only by a restart').length, 1);
});

test('a file that is written anew with the same content is no news', async (t) => {
  const server = await startWebServer(t, TLS);
  server.write(TLS);
  server.pass(1_000);
  t.is((await server.ask()).status, 200);
  t.deepEqual(server.log, []);
});
