// Ends the exporter with `kill -9` at random moments of a busy run, and starts it again: what it then shows was true when it says so, and no time
// has moved without a change. `KILLS=200 npm run test:e2e -- test/e2e/restarts.test.ts` does it more often than CI.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createRandom } from '../../chaos/random.ts';
import { SimulatorClient } from '../../chaos/simulator.ts';
import { ANY, bare, Truth, tagKey } from '../../chaos/truth.ts';
import type { ScenarioInput } from '../../src/simulator/scenario.ts';
import { KEY, startSimulator } from '../helpers/exporter.ts';
import { type ParsedPage, parsePage } from '../helpers/exposition.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { Program } from './helpers/program.ts';

const KILLS = Number(process.env.KILLS ?? 10);
const SEED = Number(process.env.SEED ?? 1);
const SAVE_INTERVAL_MS = 1_000;
/** A run lasts this long at most, its start included. */
const LONGEST_RUN_MS = 4_000;

const SCENARIO = {
  instances: [
    {
      id: 'cri-1',
      repositories: [
        { namespace: 'shop', name: 'api', id: 'crr-api', tags: [{ count: 20, name: 'v{n}' }] },
        { namespace: 'shop', name: 'web', id: 'crr-web', tags: [{ count: 5, name: 'v{n}' }] },
        { namespace: 'lab', name: 'tool', id: 'crr-tool', tags: [{ count: 20, name: 'v{n}' }] },
        { namespace: 'lab', name: 'other', id: 'crr-other', tags: [{ count: 5, name: 'v{n}' }] },
      ],
    },
  ],
  scan: {
    duration: { min: '500ms', max: '3s' },
    retry_share: 0.2,
    retry_duration: { min: '300ms', max: '1s' },
    failure_share: 0.3,
    rescan_interval: { min: '1s', max: '20s' },
  },
  latency: { min: '0ms', max: '30ms' },
} satisfies ScenarioInput;

/** A configuration that lists the tags of two repositories, of the second one so many, and discovers the others. */
function configuration(address: string, webTags: number) {
  const tags = (count: number) => Array.from({ length: count }, (_, index) => `v${index + 1}`);
  const repositories = [
    { namespace: 'shop', name: 'api', tags: tags(20) },
    { id: 'crr-web', tags: tags(webTags) },
  ];
  return {
    credentials: { type: 'access_key', ...KEY },
    rate_limit: { requests_per_second: 60, max_concurrent: 8 },
    intervals: { scanning: '300ms', complete: '800ms', failed: '800ms', not_scanned: '800ms' },
    backoff: { initial: '200ms', max: '2s' },
    discovery_interval: '1s',
    instances: [
      {
        id: 'cri-1',
        region: 'cn-hangzhou',
        endpoint: `http://${address}`,
        repositories,
        discover: [{ namespaces: ['lab'] }],
      },
    ],
  };
}

/** What a page shows of a tag; times in milliseconds. */
type Shown = {
  readonly key: string;
  readonly digest: string;
  readonly status: string;
  readonly sinceMs: number;
  readonly successMs: number | undefined;
};

function shownOn(page: ParsedPage): Map<string, Shown> {
  const ms = (seconds: number | undefined) => (seconds === undefined ? undefined : Math.round(seconds * 1_000));
  const idOf = new Map<string, { readonly id: string; readonly digest: string }>();
  const nameOf = ({ repo_namespace: namespace, repo_name: name, tag }: Readonly<Record<string, string>>) =>
    JSON.stringify([namespace, name, tag]);
  for (const { labels } of page.families.get('acr_scan_tag_info')?.samples ?? [])
    idOf.set(nameOf(labels), { id: labels.repo_id ?? '', digest: labels.digest ?? '' });
  const shown = new Map<string, Shown>();
  for (const { labels } of page.families.get('acr_scan_tag_status')?.samples ?? []) {
    const { status = '', ...tag } = labels;
    const { id = '', digest = '' } = idOf.get(nameOf(labels)) ?? {};
    const sinceMs = ms(page.value('acr_scan_tag_status_since_timestamp_seconds', tag)) ?? Number.NaN;
    const successMs = ms(page.value('acr_scan_tag_last_success_timestamp_seconds', tag));
    const key = tagKey('cri-1', id, tag.tag ?? '');
    shown.set(key, { key, digest, status, sinceMs, successMs });
  }
  return shown;
}

type Answer = { readonly fromMs: number; readonly toMs: number };

/** What the simulator knows: the truth, and when it answered for each tag. */
class Observed {
  readonly truth = new Truth();
  readonly client: SimulatorClient;
  /** When each process was killed. */
  readonly kills: number[] = [];
  readonly #answers = new Map<string, Answer[]>();
  #next = 0;

  constructor(url: string) {
    this.client = new SimulatorClient(url, this.truth);
  }

  async update(): Promise<void> {
    await this.client.look();
    for (const { action, parameters, arrivedAtMs, finishedAtMs } of await this.client.requests(this.#next)) {
      this.#next += 1;
      if (action !== 'GetRepoTagScanStatus') continue;
      const { RepoId: id = '', Tag: tag = '' } = parameters;
      const key = tagKey('cri-1', id, tag);
      const answers = this.#answers.get(key) ?? [];
      this.#answers.set(key, answers);
      answers.push({ fromMs: arrivedAtMs, toMs: finishedAtMs ?? Number.POSITIVE_INFINITY });
    }
  }

  /** Why what is shown of a tag was never true; undefined if it was, when the tag was last polled with success. */
  lieOf({ key, digest, status, sinceMs, successMs }: Shown, nowMs: number): string | undefined {
    if (sinceMs > nowMs || (successMs ?? 0) > nowMs) return 'a time in the future';
    if (successMs === undefined) return status === 'unknown' ? undefined : `${status}, but never polled`;
    const answer = this.#answers.get(key)?.findLast(({ fromMs }) => fromMs <= successMs);
    if (answer === undefined) return 'a success without an answer';
    const toMs = Math.min(answer.toMs, successMs) + 1;
    const phases = [
      ...this.truth.between(key, answer.fromMs - 1, toMs),
      ...this.truth.ofImage(key, digest, answer.fromMs - 1, toMs),
    ];
    // Of an image that was deleted with its tag nothing is known any more, and discovery may not know yet that the tag has another one. Tags of other
    // repositories are not deleted.
    const isKnown = phases.some(
      (phase) => digest === '' || phase.digest === ANY || bare(phase.digest) === bare(digest),
    );
    if (!isKnown && key.includes(' crr-tool ')) return undefined;
    const statuses = phases.map((phase) => phase.status.toLowerCase());
    const killedMs = this.kills.find((each) => each >= answer.fromMs) ?? Number.POSITIVE_INFINITY;
    if (successMs > killedMs) return `a success at ${successMs}, but the process that asked was killed at ${killedMs}`;
    if (statuses.includes(status) || statuses.includes(ANY)) return undefined;
    const truth = phases.map((phase) => `${phase.status} of ${phase.digest} from ${phase.from} to ${phase.to}`);
    return `${status} of ${digest} in the answer from ${answer.fromMs} to ${toMs}, but it was ${truth.join(', ')}`;
  }

  /** Whether a tag had another status or another image between two times. */
  hasChanged(key: string, status: string, fromMs: number, toMs: number): boolean {
    const phases = this.truth.between(key, fromMs, toMs);
    return phases.length === 0 || phases.some((phase) => phase.status.toLowerCase() !== status);
  }
}

type Run = { readonly program: Program; readonly url: string; readonly page: ParsedPage; readonly savedMs: number };

async function start(t: ExecutionContext, directory: string): Promise<Run> {
  const program = await launch(t, directory);
  const url = `http://${await program.outputMatch(/msg="?listening"? .*address=(\S+)/)}`;
  const page = await pageOf(url);
  const saved = /msg="state restored".* saved=(\S+)/.exec(program.stderr)?.[1];
  return { program, url, page, savedMs: saved === undefined ? Number.NEGATIVE_INFINITY : Date.parse(saved) };
}

function launch(t: ExecutionContext, directory: string): Promise<Program> {
  return Program.start(t, process.execPath, [
    'dist/bin.js',
    '--web.listen-address=127.0.0.1:0',
    `--config.file=${join(directory, 'config.yml')}`,
    `--storage.path=${join(directory, 'state')}`,
    `--storage.interval=${SAVE_INTERVAL_MS}ms`,
  ]);
}

async function pageOf(url: string): Promise<ParsedPage> {
  return parsePage(await (await fetch(`${url}/metrics`)).text());
}

test(`${KILLS} times kill -9 at a random moment: no wrong status, no time that moved, no failed start`, async (t) => {
  t.timeout(60_000 + 3 * LONGEST_RUN_MS * KILLS);
  const random = createRandom(SEED).share;
  const simulator = await startSimulator(t, SCENARIO);
  const record = new Observed(`http://${simulator.address}`);
  const directory = temporaryDirectory(t);
  const configure = (webTags: number) => {
    const file = join(directory, 'config.yml');
    writeFileSync(`${file}.new`, JSON.stringify(configuration(simulator.address, webTags)));
    renameSync(`${file}.new`, file);
  };
  configure(5);
  const problems: string[] = [];
  let [longestLossMs, compared, checked] = [0, 0, 0];
  let before:
    | { readonly shown: ReadonlyMap<string, Shown>; readonly listeningMs: number; readonly killedMs: number }
    | undefined;
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const { program, url, page, savedMs } = await start(t, directory);
    const listeningMs = Date.now();
    await record.update();
    const nowMs = Date.now();
    const after = shownOn(page);
    const report = (key: string, what: string) => void problems.push(`after kill ${kill}: ${key}: ${what}`);
    for (let count = 1; count <= 20; count += 1) {
      const key = tagKey('cri-1', 'crr-api', `v${count}`);
      if (kill > 0 && before !== undefined && !after.has(key) && savedMs > 0) report(key, 'is not there');
    }
    for (const [key, each] of before?.shown ?? []) {
      // What was learned after the last save is lost.
      if (each.successMs === undefined || each.successMs >= savedMs) continue;
      const now = after.get(key);
      if (now === undefined) {
        if (!key.includes('crr-web') && record.truth.lasted(key, savedMs, nowMs)) report(key, 'is gone');
        continue;
      }
      // Another image was pushed, and discovery found it: the tag started anew before the kill.
      if (now.digest !== each.digest) continue;
      compared += 1;
      if ((now.successMs ?? 0) < each.successMs)
        report(key, `polled at ${each.successMs}, and now at ${now.successMs}`);
      if (now.status !== each.status || now.sinceMs === each.sinceMs) continue;
      if (!record.hasChanged(key, each.status, each.sinceMs, now.sinceMs))
        report(key, `${each.status} since ${each.sinceMs}, and now since ${now.sinceMs}`);
    }
    if (before !== undefined)
      longestLossMs = Math.max(longestLossMs, before.killedMs - Math.max(savedMs, before.listeningMs));

    const endMs = Date.now() + random() * LONGEST_RUN_MS;
    let shown = after;
    for (let turn = 0; turn === 0 || Date.now() < endMs; turn += 1) {
      await record.update();
      for (const each of shown.values()) {
        const lie = record.lieOf(each, Date.now());
        checked += 1;
        if (lie !== undefined) report(each.key, lie);
      }
      if (kill === KILLS || Date.now() >= endMs) break;
      await disturb(turn);
      await sleep(Math.min(100, Math.max(0, endMs - Date.now())));
      shown = shownOn(await pageOf(url));
    }
    program.signal('SIGKILL');
    await program.ended(5_000);
    const killedMs = Date.now();
    record.kills.push(killedMs);
    before = { shown, listeningMs, killedMs };
    if (random() < 0.2) {
      const early = await launch(t, directory);
      await sleep(random() * 800);
      early.signal('SIGKILL');
      await early.ended(5_000);
      record.kills.push(Date.now());
    }

    async function disturb(turn: number): Promise<void> {
      const tag = `v${1 + Math.floor(random() * 20)}`;
      if (random() < 0.4) await record.client.push('cri-1', random() < 0.5 ? 'crr-api' : 'crr-tool', tag);
      if (turn % 5 === 4) await record.client.deleteTag('cri-1', 'crr-tool', tag).catch(() => undefined);
      if (turn % 7 === 6) {
        configure(random() < 0.5 ? 5 : 3);
        program.signal('SIGHUP');
      }
    }
  }
  t.deepEqual(problems, []);
  // How often there is a save, `test/storage/saver.test.ts` holds on a manual clock.
  t.log(`${checked} statuses checked, ${compared} tags compared over ${KILLS} kills, at most ${longestLossMs} ms lost`);
});
