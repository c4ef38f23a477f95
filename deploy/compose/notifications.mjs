// The receiver of Alertmanager's notifications in compose.yml: prints one line for each alert. Its argument is the port to listen on.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (request.method === 'POST')
    print(request, pathname).then(
      () => response.end(),
      () => response.writeHead(400).end(),
    );
  else response.end();
});
server.listen(Number(process.argv[2]), '127.0.0.1', () =>
  console.log(`listening on 127.0.0.1:${server.address().port}`),
);

/** Prints the alerts of a notification, such as `critical firing AcrExporterDown: No exporter watches …`. */
async function print(request, path) {
  const { alerts } = await json(request);
  for (const { status, labels, annotations } of alerts)
    console.log(`${path.slice(1)} ${status} ${labels.alertname}: ${annotations.summary}`);
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
