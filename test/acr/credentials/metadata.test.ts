// The metadata service of an ECS instance: how often it is asked, where it does not answer, and where it is slow.
import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { redirectedTo, sessionAt, sourceOf, startAsked, unavailable } from '../../helpers/credential-sources.ts';
import { eventually } from '../../helpers/eventually.ts';
import { ManualClock } from '../../helpers/manual-clock.ts';

const TOKEN = 'PUT /latest/api/token';
const ROLES = 'GET /latest/meta-data/ram/security-credentials/';
const HOUR_MS = 3_600_000;

type Behaviour = { token: 'answers' | 'hangs'; needsToken: boolean; takesMs?: number };

async function setup(t: ExecutionContext, behaviour: Behaviour, timeoutMs?: number) {
  const clock = new ManualClock();
  let sessions = 0;
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'PUT') {
      if (behaviour.token === 'answers') response.end('a-metadata-token');
      return;
    }
    if (behaviour.needsToken && request.headers['x-aliyun-ecs-metadata-token'] === undefined) {
      response.writeHead(403).end();
      return;
    }
    if (request.url?.endsWith('/')) response.end('reader');
    else response.end(JSON.stringify(sessionAt(clock.now(), ++sessions, 6 * HOUR_MS)));
  };
  const { host, asked } = await startAsked(t, (request, response) => {
    setTimeout(() => answer(request, response), behaviour.takesMs ?? 0);
  });
  const source = sourceOf(t, { type: 'ecs_ram_role' }, { clock, providers: redirectedTo(host, timeoutMs) });
  const untilSession = (count: number) =>
    eventually(`session ${count}`, () =>
      source.current()?.securityToken === `session-token-${count}` ? true : undefined,
    );
  return { clock, source, asked, untilSession };
}

test('a session costs one token and is renewed once, ahead of its end', async (t) => {
  const { clock, source, asked, untilSession } = await setup(t, { token: 'answers', needsToken: true });
  await source.ensure();
  t.deepEqual(asked, [TOKEN, ROLES, `${ROLES}reader`]);
  await clock.advance(4.5 * HOUR_MS);
  await untilSession(2);
  t.is(asked.length, 6);
});

test('behind a hop limit the token is asked for once, and the first version of the service is used from then on', async (t) => {
  const { clock, source, asked, untilSession } = await setup(t, { token: 'hangs', needsToken: false }, 2_000);
  await source.ensure();
  t.deepEqual(asked, [TOKEN, ROLES, `${ROLES}reader`]);
  await clock.advance(4.5 * HOUR_MS);
  await untilSession(2);
  t.deepEqual(asked.slice(3), [ROLES, `${ROLES}reader`]);
});

test('a token that has no answer is asked for again where the service does not do without', async (t) => {
  const behaviour: Behaviour = { token: 'hangs', needsToken: true };
  const { clock, source, asked } = await setup(t, behaviour, 2_000);
  t.regex((await unavailable(source)).message, /security-credentials\/ answered HTTP 403, expected 200$/);
  t.deepEqual(asked, [TOKEN, ROLES]);
  behaviour.token = 'answers';
  await clock.advance(5_000);
  await source.ensure();
  t.is(asked[2], TOKEN);
});

test('metadata that takes 3 s is waited for', async (t) => {
  const { source, asked } = await setup(t, { token: 'answers', needsToken: true, takesMs: 3_000 });
  await source.ensure();
  t.is(asked.length, 3);
});
