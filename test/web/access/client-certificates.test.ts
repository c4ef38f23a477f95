// Clients with and without certificates, at real TLS connections.
import test from 'ava';
import { namesOf } from '../../../src/web/access/client-certificates.ts';
import { startWebServer, TLS_FILES } from '../../helpers/web-server.ts';

const AUTHORITY_FILE = 'client_ca_file: authority.crt';

/** What each policy makes of a client without a certificate, with a good one, and with one of another authority. */
const POLICIES: Readonly<Record<string, { keys: string; none: boolean; good: boolean; stranger: boolean }>> = {
  NoClientCert: { keys: '', none: true, good: true, stranger: true },
  RequestClientCert: { keys: AUTHORITY_FILE, none: true, good: true, stranger: true },
  RequireAnyClientCert: { keys: AUTHORITY_FILE, none: false, good: true, stranger: true },
  VerifyClientCertIfGiven: { keys: AUTHORITY_FILE, none: true, good: true, stranger: false },
  RequireAndVerifyClientCert: { keys: AUTHORITY_FILE, none: false, good: true, stranger: false },
};

for (const [policy, { keys, none, good, stranger }] of Object.entries(POLICIES)) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${policy} lets in whom it should over ${version}`, async (t) => {
      const server = await startWebServer(
        t,
        `tls_server_config: { ${TLS_FILES}, client_auth_type: ${policy}, ${keys} }`,
      );
      const isLetIn = (certificate?: string) =>
        server
          .ask({ minVersion: version, maxVersion: version, ...(certificate !== undefined && { certificate }) })
          .then(({ status }) => status === 200)
          .catch(() => false);
      t.deepEqual(
        { none: await isLetIn(), good: await isLetIn('client'), stranger: await isLetIn('stranger') },
        { none, good, stranger },
      );
    });
  }
}

test('without authorities of its own a server trusts public ones, of which no test has a certificate', async (t) => {
  const server = await startWebServer(
    t,
    `tls_server_config: { ${TLS_FILES}, client_auth_type: RequireAndVerifyClientCert }`,
  );
  await t.throwsAsync(server.ask({ certificate: 'client' }));
});

for (const name of ['client.test', '192.0.2.1', '2001:db8::1', 'client@client.test', 'spiffe://client.test/scraper']) {
  test(`a client is accepted by its name ${name}, another one is not`, async (t) => {
    const keys = `client_auth_type: RequireAndVerifyClientCert, ${AUTHORITY_FILE}, client_allowed_sans: [other, "${name}"]`;
    const server = await startWebServer(t, `tls_server_config: { ${TLS_FILES}, ${keys} }`);
    t.is((await server.ask({ certificate: 'client' })).status, 200);
    await t.throwsAsync(server.ask({ certificate: 'nameless-client' }));
    await t.throwsAsync(server.ask());
  });
}

test('an allowed name does not help a certificate of another authority', async (t) => {
  const keys = `client_auth_type: RequireAndVerifyClientCert, ${AUTHORITY_FILE}, client_allowed_sans: [client.test]`;
  const server = await startWebServer(t, `tls_server_config: { ${TLS_FILES}, ${keys} }`);
  await t.throwsAsync(server.ask({ certificate: 'stranger' }));
});

test('a name with a comma or a quote in it is one name', (t) => {
  const subjectAltName =
    'DNS:"a.test, DNS:admin.test", URI:"http://x/\\"", DirName:"CN=b, DNS:c", IP Address:0:0:0:0:0:0:0:1, DNS:d.test';
  t.deepEqual(namesOf({ subjectAltName }), ['a.test, DNS:admin.test', 'http://x/"', '::1', 'd.test']);
  t.deepEqual(namesOf({ subjectAltName: undefined }), []);
});

for (const written of ['"\\DNS:"', '"\\u00zz"', '"a\nb"', '"a']) {
  test(`a name ${JSON.stringify(written)}, which is no JSON, is none, and neither is what follows`, (t) => {
    t.deepEqual(namesOf({ subjectAltName: `DNS:a.test, DNS:${written}, DNS:b.test` }), ['a.test']);
  });
}
