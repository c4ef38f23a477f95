// The demo: the simulator's scenario and the exporter's configuration belong together, and there is something to see.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { parseScenario } from '../../src/simulator/scenario.ts';
import { simulate } from '../../src/simulator/simulator.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ManualClock } from './manual-clock.ts';

/** Repositories that no list has. */
const UNLISTED = ['shop/web-frontend', 'shop/web-cache', 'platform/gateway'];

type Watched = { namespace?: string; name?: string; id?: string; tags: string[] };

const read = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const readDemo = () => readFileSync(new URL('../../src/demo.ts', import.meta.url), 'utf8');
const scenario = parseScenario(read('demo-scenario.yml'), 'demo-scenario.yml');
const config = parse(read('demo.yml'), { schema: 'failsafe' });
const repositories: Watched[] = config.instances[0].repositories;

test('the exporter watches every tag of the listed repositories, with its key and at its address', (t) => {
  const simulated = simulate(scenario, { seed: 1, clock: systemClock })
    .state()
    .filter(({ repoNamespace, repoName }) => !UNLISTED.includes(`${repoNamespace}/${repoName}`));
  const watched = repositories.flatMap(({ tags, ...names }) => tags.map((tag) => ({ ...names, tag })));
  t.is(watched.length, 40);
  for (const { id, namespace, name, tag } of watched) {
    const found = simulated.filter(
      (truth) =>
        truth.tag === tag &&
        (id === undefined || truth.repoId === id) &&
        (namespace === undefined || (truth.repoNamespace === namespace && truth.repoName === name)),
    );
    t.is(found.length, 1, `${id ?? name}:${tag}`);
    t.is(found[0]?.instanceId, config.instances[0].id);
  }
  t.is(simulated.length, 40);
  const [key] = scenario.keys;
  t.is(config.credentials.access_key_id, key?.access_key_id);
  t.is(config.credentials.access_key_secret, key?.access_key_secret);
  t.is(config.instances[0].endpoint, 'http://127.0.0.1:20182');
});

test('the simulator sends its events to the exporter, which asks its event center as well', (t) => {
  const { events, instances } = scenario;
  t.is(events?.to, 'http://127.0.0.1:20181/api/v1/events');
  t.deepEqual(config.events.webhook, { token_env: 'ACR_DEMO_EVENTS_TOKEN' });
  t.true(readDemo().includes(`ACR_DEMO_EVENTS_TOKEN: '${events?.token}'`));
  t.is(instances[0]?.event_center.rules.length, 1);
  t.truthy(config.instances[0].events.feed);
});

test('one repository is given by its id alone, one by its names alone, one by both', (t) => {
  const given = repositories.map(({ id, name }) => [id !== undefined, name !== undefined]);
  t.deepEqual(given, [
    [true, true],
    [false, true],
    [true, false],
  ]);
});

test('for every seed, every status shows from the start to two minutes later, and scans start and end while one watches', (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const clock = new ManualClock();
    const simulator = simulate(scenario, { seed, clock });
    const seen = new Set<string>();
    const startsAndEnds = new Set<string>();
    const atStart = new Set(simulator.state().map(({ status }) => status));
    for (const status of ['SCANNING', 'COMPLETE', 'FAILED', 'NOT_SCANNED', 'QUARANTINED'])
      t.true(atStart.has(status), `${status}, seed ${seed}`);
    const started = new Set<string>();
    let before = new Map<string, string>();
    for (let second = 0; second < 120; second += 5) {
      const now = new Map(simulator.state().map(({ repoId, tag, status }) => [`${repoId}:${tag}`, status] as const));
      for (const [tag, status] of now) {
        seen.add(status);
        const isOver = status === 'COMPLETE' || status === 'FAILED';
        if (status === 'SCANNING' && (before.get(tag) === 'COMPLETE' || before.get(tag) === 'FAILED')) started.add(tag);
        if (isOver && started.has(tag)) startsAndEnds.add(tag);
      }
      before = now;
      clock.advance(5_000);
    }
    t.deepEqual([...seen].sort(), ['COMPLETE', 'FAILED', 'NOT_SCANNED', 'QUARANTINED', 'RETRYING', 'SCANNING']);
    t.true(startsAndEnds.size >= 5, `${startsAndEnds.size} scans, seed ${seed}`);
  }
});

test('for every seed, tags come, move and go within three minutes, and scans find something in some images only', (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const clock = new ManualClock();
    const simulator = simulate(scenario, { seed, clock });
    const look = () =>
      new Map(simulator.state().map((tag) => [`${tag.repoNamespace}/${tag.repoName}:${tag.tag}`, tag]));
    const [come, moved, gone] = [new Set<string>(), new Set<string>(), new Set<string>()];
    const found = { some: 0, clean: 0 };
    let before = look();
    for (let second = 0; second < 180; second += 5) {
      clock.advance(5_000);
      const after = look();
      for (const [name, { digest, vulnerabilities: numbers }] of after) {
        if (!before.has(name)) come.add(name);
        else if (before.get(name)?.digest !== digest) moved.add(name);
        if (numbers) found[numbers.high + numbers.medium + numbers.low + numbers.unknown > 0 ? 'some' : 'clean']++;
      }
      for (const name of before.keys()) if (!after.has(name)) gone.add(name);
      before = after;
    }
    t.true(
      come.size >= 3 && moved.size >= 1 && gone.size >= 1,
      `${come.size} ${moved.size} ${gone.size}, seed ${seed}`,
    );
    t.true(found.some > 0 && found.clean > 0);
    const changed = [...come, ...moved, ...gone].map((name) => name.replace(/:.*/, ''));
    t.deepEqual(
      changed.filter((name) => !UNLISTED.includes(name)),
      [],
      'listed tags stay as they are',
    );
  }
});
