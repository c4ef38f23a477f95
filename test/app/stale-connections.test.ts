// A load balancer between the exporter and the API that drops connections while they are idle: no poll fails for that.
import { createServer, request as forward } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { configurationFor, startExporter, startSimulator } from '../helpers/exporter.ts';

/** Hands requests on, and drops every connection at the second request on it. */
async function startDropping(t: ExecutionContext, address: string) {
  const served = new WeakSet<Socket>();
  let dropped = 0;
  const [host, port] = address.split(':');
  const server = createServer(({ socket, method, url, headers }, response) => {
    if (served.has(socket)) {
      dropped += 1;
      socket.destroy();
      return;
    }
    served.add(socket);
    const sending = forward({ host, port, method, path: url, headers, agent: false }, (answer) => {
      const { connection, 'keep-alive': keepAlive, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, rest);
      answer.pipe(response);
    });
    // At the end of the test the simulator goes first.
    sending.on('error', () => response.destroy());
    sending.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, dropped: () => dropped };
}

test('connections that are dropped while they are idle fail no poll, lookup or pass', async (t) => {
  const tags = [{ count: 20, name: 'v{n}', status: 'COMPLETE' }];
  const repositories = ['api', 'web'].map((name) => ({ namespace: 'shop', name, id: `crr-${name}`, tags }));
  const simulator = await startSimulator(t, { instances: [{ id: 'cri-1', repositories }] });
  const front = await startDropping(t, simulator.address);
  const { until } = await startExporter(
    t,
    configurationFor(front.address, {
      instances: [
        {
          id: 'cri-1',
          region: 'cn-hangzhou',
          endpoint: `http://${front.address}`,
          discover: [{ repositories: ['api'] }],
          repositories: [{ namespace: 'shop', name: 'web', tags: ['v1', 'v2'] }],
        },
      ],
      rate_limit: { requests_per_second: 100, max_concurrent: 4 },
      intervals: { scanning: '1s', complete: '1s', failed: '1s' },
      discovery_interval: '300ms',
    }),
  );
  const page = await until('many connections were dropped', () => front.dropped() >= 60);
  const values = (family: string) => page.families.get(family)?.samples.map(({ value }) => value);
  t.deepEqual(values('acr_scan_tag_poll_success'), Array(22).fill(1));
  t.deepEqual([...new Set(values('acr_api_request_errors_total'))], [0]);
  t.not(page.value('acr_discovery_last_success_timestamp_seconds', { instance_id: 'cri-1' }), undefined);
});
