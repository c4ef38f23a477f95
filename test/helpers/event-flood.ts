// A program: sends events to a webhook as fast as it can, for about a second. `node event-flood.ts PORT TOKEN COUNT`; sends its parent the number of
// answers by status.
import { Agent, request } from 'node:http';
import { scanCompleted } from './webhook.ts';

const CONNECTIONS = 100;

const [, , port, token = '', count] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const statuses: Record<string, number> = {};
let next = 0;

function send(id: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = scanCompleted({ id: `flood-${id}` });
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-eventbridge-signature-token': token,
    };
    request({ agent, host: '127.0.0.1', port: Number(port), path: '/api/v1/events', method: 'POST', headers })
      .on('error', reject)
      .on('response', (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
      .end(body);
  });
}

async function sendMany(): Promise<void> {
  while (next < Number(count)) {
    const status = await send(next++);
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
}

const started = performance.now();
await Promise.all(Array.from({ length: CONNECTIONS }, sendMany));
agent.destroy();
process.send?.({ statuses, seconds: (performance.now() - started) / 1_000 });
