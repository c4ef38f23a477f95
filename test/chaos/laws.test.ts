import test from 'ava';
import { parseExposition } from '../../chaos/exposition.ts';
import { subjectOf } from '../../chaos/laws/sent.ts';
import type { ApiRequest, Configuration, KeyWrite, RunRecord, Scrape, WireRequest } from '../../chaos/record.ts';
import { Truth } from '../../chaos/truth.ts';
import { broken, LABELS, law, NAME, PACES, poll, record, START, scrape, truth } from './records.ts';

const FILE: Configuration = {
  toldAt: START,
  inForceAt: START,
  perTag: 'full',
  discovers: false,
  ...PACES,
  tags: new Set([NAME]),
};
const LIVES = [
  { number: 0, startedAt: START, from: START, to: START + 4_000, clock: [] },
  { number: 1, startedAt: START + 4_000, from: START + 4_100, to: Number.POSITIVE_INFINITY, clock: [] },
];

function checked(name: string, change: Parameters<typeof record>[0]): number {
  return law(name).check(record(change)).checked;
}

test('two requests about a tag at once break the law, unless another process sent the first', (t) => {
  const requests = [poll(0, 1_000, { finishedMonotonicMs: 1_500 }), poll(1, 1_400)];
  t.is(broken('once', { requests }), 1);
  t.is(broken('once', { requests: [poll(0, 1_000), poll(1, 1_400)] }), 0);
  t.is(broken('once', { requests: [poll(0, 1_000, { finishedMonotonicMs: null }), poll(1, 1_400)] }), 1);
  const other = { parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v2' } };
  t.is(broken('once', { requests: [poll(0, 1_000, { finishedMonotonicMs: 1_500 }), poll(1, 1_400, other)] }), 0);
  const across = [poll(0, 3_900, { finishedMonotonicMs: 4_500 }), poll(1, 4_200)];
  t.is(broken('once', { requests: across, lives: LIVES }), 0);
  t.is(broken('once', { requests, simulatorStalls: [{ from: 1_390, to: 1_500 }] }), 0);
});

test('a request that is under way long after its time limit breaks the law, and not where the process ended', (t) => {
  const probes = [{ path: '/-/healthy', sentAt: START + 20_000, tookMs: 1, ok: true }];
  const ending = (at: number | null) => [
    poll(0, 1_000, { finishedAtMs: at === null ? null : START + at, finishedMonotonicMs: at }),
  ];
  t.is(broken('timeout', { probes, requests: ending(4_900) }), 0);
  t.is(broken('timeout', { probes, requests: ending(5_100) }), 1);
  t.is(broken('timeout', { probes, requests: ending(null) }), 1);
  t.is(broken('timeout', { probes: [], requests: ending(null) }), 0);
  t.is(broken('timeout', { probes, requests: ending(5_100), pauses: [{ from: START + 1_500, to: START + 2_000 }] }), 0);
  const lives = LIVES.map((life) => ({ ...life, to: START + 3_000 })).slice(0, 1);
  t.is(broken('timeout', { probes, lives, requests: ending(5_100) }), 0);
});

test('a request about a tag that was taken out breaks the law once what was under way has ended', (t) => {
  const configurations = [FILE, { ...FILE, toldAt: START + 2_000, inForceAt: START + 2_100, tags: new Set<string>() }];
  t.is(broken('asked', { configurations, requests: [poll(0, 1_500), poll(1, 3_000)] }), 0);
  t.is(broken('asked', { configurations, requests: [poll(0, 1_500), poll(1, 3_200)] }), 1);
  t.is(
    broken('asked', {
      configurations,
      requests: [poll(1, 3_200)],
      pauses: [{ from: START + 2_200, to: START + 2_900 }],
    }),
    0,
  );
});

test('in a calm a poll before the interval of the last status is over breaks the law', (t) => {
  const calms = [{ from: START, equalAt: START + 1_000, to: START + 20_000, differences: [] }];
  t.is(broken('interval', { calms, requests: [poll(0, 2_000), poll(1, 3_810)] }), 0);
  t.is(broken('interval', { calms, requests: [poll(0, 2_000), poll(1, 3_700)] }), 1);
  t.is(broken('interval', { calms, requests: [poll(0, 12_000), poll(1, 12_700)] }), 0);
  t.is(broken('interval', { calms, requests: [poll(0, 12_000), poll(1, 12_500)] }), 1);
  // While it went from COMPLETE to SCANNING, either interval may be the right one.
  t.is(checked('interval', { calms, requests: [poll(0, 9_995), poll(1, 10_700)] }), 0);
  t.is(checked('interval', { requests: [poll(0, 2_000), poll(1, 2_100)] }), 0);
});

/** A request as it passed through the exporter's socket, at the times that the simulator notes. */
function onWire(request: ApiRequest): WireRequest {
  const { index: id, accessKeyId, arrivedAtMs: at, arrivedMonotonicMs: fromMs, finishedMonotonicMs } = request;
  const overMs = finishedMonotonicMs ?? Number.POSITIVE_INFINITY;
  return { life: 0, id, accessKeyId, subject: subjectOf(request), at, fromMs, toMs: fromMs, overMs, isAnswered: true };
}

test('a poll right after an error breaks the law, unless a reload or a refusal came between', (t) => {
  const failed = { code: 'SystemError', fault: 'error' };
  const verdict = (requests: readonly ApiRequest[], change: Partial<RunRecord> = {}, isAnswered = true) => {
    const wire = requests.map((request) => ({ ...onWire(request), isAnswered }));
    const { checked, violations } = law('backoff').check(record({ requests, wire, monotonicZeroAt: START, ...change }));
    return [checked, violations.length];
  };
  const requests = [poll(0, 2_000, failed), poll(1, 2_100)];
  t.deepEqual(verdict(requests), [1, 1]);
  t.deepEqual(verdict([poll(0, 2_000, failed), poll(1, 2_160)]), [1, 0]);
  t.deepEqual(verdict([poll(0, 2_000, { code: '', fault: 'hang' }), poll(1, 2_100)], {}, false), [1, 1], 'given up');
  t.deepEqual(verdict([poll(0, 2_000, { code: '', fault: 'reset' }), poll(1, 2_100)], {}, false), [0, 0]);
  // What the simulator reads late was not sent late.
  const late = [poll(0, 2_000, { ...failed, finishedMonotonicMs: 2_090 }), poll(1, 2_200)];
  const wire = late.map(onWire).map((each) => ({ ...each, overMs: each.fromMs + 10 }));
  t.deepEqual(verdict(late, { wire }), [1, 0]);
  const next = { ...FILE, toldAt: START + 2_050, inForceAt: START + 2_060 };
  t.deepEqual(verdict(requests, { configurations: [FILE, next] }), [1, 1], 'a reload that keeps the tag');
  t.deepEqual(verdict(requests, { configurations: [FILE, { ...next, tags: new Set<string>() }] }), [0, 0]);
  t.deepEqual(verdict(requests, { configurations: [FILE, { ...next, digests: new Map([[NAME, 'ab']]) }] }), [0, 0]);
  const quicker = { ...next, backoffMs: { initial: 100, max: 2_000 } };
  t.deepEqual(verdict(requests, { configurations: [FILE, quicker] }), [1, 0]);
  const refused = poll(1, 2_020, {
    code: 'SignatureDoesNotMatch',
    parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v2' },
  });
  t.deepEqual(verdict([poll(0, 2_000, failed), refused, poll(2, 2_100)]), [0, 0]);
  const spoilt = { ...WRITTEN, isGood: false, at: START + 2_020 };
  t.deepEqual(verdict(requests, { keyWrites: [spoilt] }), [0, 0]);
});

const WRITTEN: KeyWrite = { set: 'default', keyId: 'key-a-2', isGood: true, at: START + 1_000 };

test('a key that is not that of the instance, or not the new one after 4 s, breaks the law', (t) => {
  const keyWrites = [WRITTEN];
  t.is(broken('keys', { keyWrites, requests: [poll(0, 4_900)] }), 0);
  t.is(broken('keys', { keyWrites, requests: [poll(0, 5_100)] }), 1);
  t.is(broken('keys', { keyWrites, requests: [poll(0, 5_100, { accessKeyId: 'key-a-2' })] }), 0);
  t.is(broken('keys', { keyWrites, requests: [poll(0, 4_900, { accessKeyId: 'key-b-1' })] }), 1);
  t.is(broken('keys', { keyWrites: [{ ...WRITTEN, isGood: false }], requests: [poll(0, 5_100)] }), 0);
});

test('credentials that are not used for long break the law, unless they are refused, spoilt, or not configured', (t) => {
  const requests = [poll(0, 1_000), poll(1, 6_000)];
  const to = START + 6_000;
  const probes = [{ path: '/-/healthy', sentAt: to, tookMs: 1, ok: true }];
  const until = (change: Parameters<typeof record>[0]) =>
    law('silence').check(record({ probes, ...change }), { from: START, to }).violations.length;
  t.is(until({ requests }), 1);
  t.is(until({ requests: [poll(0, 1_000)] }), 1);
  t.is(until({ requests: [poll(0, 1_000)], probes: [] }), 1, 'while the run goes on, what is judged has settled');
  t.is(broken('silence', { requests: [poll(0, 1_000)], probes: [] }), 0);
  t.is(until({ requests: [poll(0, 1_000), poll(1, 5_000)] }), 0);
  t.is(until({ requests: [poll(0, 1_000, { code: 'InvalidAccessKeyId.NotFound' }), poll(1, 6_000)] }), 0);
  const after = (code: string) => {
    const refused = poll(0, 1_000, { code: 'InvalidAccessKeyId.NotFound' });
    const failed = [1_050, 1_150].map((at, n) => poll(1 + n, at, { code, fault: 'error' }));
    return until({ requests: [refused, ...failed, poll(3, 6_000)] });
  };
  for (const code of ['Throttling.User', 'SystemError', 'SYSTEM_ERROR', 'ServiceUnavailable', 'InternalError'])
    t.is(after(code), 0, `${code} does not show acceptance`);
  t.is(after('NoPrivilege'), 1, 'what may not be done was looked at');
  t.is(until({ requests, keyWrites: [{ ...WRITTEN, isGood: false }] }), 0);
  t.is(until({ requests, lives: LIVES }), 0);
  t.is(until({ requests, pauses: [{ from: START + 2_000, to: START + 3_000 }] }), 0);
  const without = { ...FILE, toldAt: START + 2_000, inForceAt: START + 2_000, tags: new Set<string>() };
  t.is(until({ requests, configurations: [FILE, without] }), 0);
});

test('a request while the API has asked to wait breaks the law', (t) => {
  const throttled = poll(0, 1_000, { code: 'Throttling.User', fault: 'error', retryAfterMs: 1_000 });
  const verdict = (requests: readonly ApiRequest[], change: Partial<RunRecord> = {}) => {
    const wire = requests.map(onWire);
    const { checked, violations } = law('wait').check(record({ requests, wire, monotonicZeroAt: START, ...change }));
    return [checked, violations.length];
  };
  t.deepEqual(verdict([throttled, poll(1, 1_100), poll(2, 2_020)]), [1, 0]);
  t.deepEqual(verdict([throttled, poll(1, 1_200)]), [1, 1]);
  t.deepEqual(verdict([throttled, poll(1, 1_100), poll(2, 1_200)]), [1, 1], 'after one that was on its way');
  t.deepEqual(verdict([throttled, poll(1, 1_200, { accessKeyId: 'key-a-2' })]), [1, 1], 'another key of the set');
  t.deepEqual(verdict([throttled, poll(1, 1_200, { accessKeyId: 'key-b-1' })]), [1, 0]);
  const pause = (ms: number) => [{ from: START + 1_100, to: START + 1_100 + ms }];
  t.deepEqual(verdict([throttled, poll(1, 1_900)], { pauses: pause(750) }), [1, 1]);
  t.deepEqual(
    verdict([throttled, poll(1, 1_900)], { pauses: pause(850) }),
    [1, 0],
    'the answer may have been read only then',
  );
  t.deepEqual(
    verdict([throttled, poll(1, 1_900)], { pauses: pause(910) }),
    [0, 0],
    'the time may have been over by then',
  );
  // What the simulator read late was not written late.
  const late = [throttled, poll(1, 1_900)];
  const wire = late.map(onWire).map((each) => (each.id === 1 ? { ...each, fromMs: 1_050, toMs: 1_050 } : each));
  t.deepEqual(verdict(late, { wire }), [1, 0]);
  const stopped = late.map(onWire).map((each) => (each.id === 1 ? { ...each, toMs: 2_020 } : each));
  t.deepEqual(verdict(late, { wire: stopped }), [1, 0], 'it may have been written when the time was over');
  t.deepEqual(verdict([{ ...throttled, retryAfterMs: 100 }, poll(1, 1_100)]), [0, 0]);
  const untaken = late.map(onWire).map((each) => ({ ...each, isAnswered: false }));
  t.deepEqual(verdict(late, { wire: untaken }), [0, 0], 'the exporter gave it up');
});

function page(at: number, text: string): Scrape {
  return { ...scrape({ at }), exposition: parseExposition(text, false) };
}

test('a sum that is not the number of tags with its status breaks the law where every tag is shown', (t) => {
  const text = (count: number) =>
    `acr_scan_tags{instance_id="cri-a",repo_namespace="shop",repo_name="api",status="complete"} ${count}\nacr_scan_tag_status{${LABELS},status="complete"} 1\n`;
  t.is(broken('sums', { scrapes: [page(1_000, text(1))] }), 0);
  t.is(broken('sums', { scrapes: [page(1_000, text(2))] }), 1);
  t.is(broken('sums', { scrapes: [page(1_000, text(2))], configurations: [{ ...FILE, perTag: 'problems' }] }), 0);
});

test('a found tag that goes while it exists breaks the law, and not where it was deleted or discovery is off', (t) => {
  const labels = 'instance_id="cri-a",repo_namespace="ops",repo_name="build",tag="b1"';
  const shown = `acr_scan_tag_status{${labels},status="complete"} 1\n`;
  const scrapes = [page(12_000, shown), page(12_300, 'up 1\n')];
  const names = { instanceId: 'cri-a', repoId: 'crr-build', repoNamespace: 'ops', repoName: 'build' };
  const tag = { ...names, tag: 'b1', digest: 'one', status: 'COMPLETE', sinceMs: 0, untilMs: null, former: [] };
  const there = new Truth();
  there.look({ elapsedMs: 0, tags: [tag] }, START, START);
  const configurations = [{ ...FILE, discovers: true }];
  t.is(broken('found', { scrapes, truth: there, configurations }), 1);
  t.is(broken('found', { scrapes: [page(12_000, shown), page(12_300, shown)], truth: there, configurations }), 0);
  const off = { ...FILE, toldAt: START + 12_100, inForceAt: START + 12_200 };
  t.is(broken('found', { scrapes, truth: there, configurations: [...configurations, off] }), 0);
  there.look({ elapsedMs: 12_400, tags: [] }, START + 12_400, START + 12_400);
  t.is(broken('found', { scrapes, truth: there, configurations }), 0);
});

test('a found tag that goes breaks the law at the lowest rate, whose passes are longer than the record', (t) => {
  const labels = 'instance_id="cri-a",repo_namespace="ops",repo_name="build",tag="b1"';
  const scrapes = [page(70_000, `acr_scan_tag_status{${labels},status="complete"} 1\n`), page(70_300, 'up 1\n')];
  const names = { instanceId: 'cri-a', repoId: 'crr-build', repoNamespace: 'ops', repoName: 'build' };
  const tag = { ...names, tag: 'b1', digest: 'one', former: [] };
  const there = new Truth();
  const status = { status: 'COMPLETE', sinceMs: 5_000, untilMs: null };
  there.look({ elapsedMs: 5_000, tags: [{ ...tag, ...status }] }, START + 5_000, START + 5_000);
  const slow = { scrapes, truth: there, configurations: [{ ...FILE, discovers: true, rate: 5 }] };
  const lives = [{ number: 0, startedAt: START + 4_000, from: START + 4_100, to: Number.POSITIVE_INFINITY, clock: [] }];
  t.is(broken('found', { ...slow, lives, keptFrom: START + 12_000 }), 1);
  t.is(checked('found', { ...slow, lives, keptFrom: START + 2_000 }), 0, 'a list of the process may be without it');
  const started = lives.map((life) => ({ ...life, startedAt: START + 6_000 }));
  t.is(broken('found', { ...slow, lives: started }), 1, 'no list is older than the process');
});

test('a tag counts as never scanned where the API has said that there is no such scan', (t) => {
  const requests = [poll(0, 4_990, { code: 'REPO_TAG_NOT_EXIST', fault: 'business_error' })];
  t.is(broken('status', { requests, scrapes: [scrape({ at: 6_000, status: 'not_scanned' })] }), 0);
  t.is(broken('status', { requests, scrapes: [scrape({ at: 6_000 })] }), 1);
  const denied = [poll(0, 4_990, { code: 'REPO_TAG_NOT_EXIST', fault: 'status' })];
  const scrapes = [scrape({ at: 6_100, status: 'not_scanned' })];
  t.is(broken('status', { requests: denied, scrapes }), 0, 'a fault that changes a status does not change an error');
  t.is(broken('news', { requests: denied, scrapes }), 0);
});

test('an answer that is not shown a second later breaks the law, and so does a status before an unknown one', (t) => {
  const requests = [poll(0, 4_990)];
  t.is(broken('news', { requests, scrapes: [scrape({ at: 6_100 })] }), 0);
  t.is(broken('news', { requests, scrapes: [scrape({ at: 6_100, success: 3_000 })] }), 1);
  t.is(broken('news', { requests, scrapes: [scrape({ at: 5_900, success: 3_000 })] }), 0);
  const unknown = [poll(0, 1_000), poll(1, 4_990, { fault: 'status' })];
  t.is(broken('news', { requests: unknown, scrapes: [scrape({ at: 6_100, success: 1_010 })] }), 1);
  t.is(broken('news', { requests: unknown, scrapes: [scrape({ at: 6_100, success: 1_010, status: 'unknown' })] }), 0);
  const configurations = [FILE, { ...FILE, toldAt: START + 5_200, inForceAt: START + 5_300 }];
  t.is(broken('news', { requests, configurations, scrapes: [scrape({ at: 6_100, success: 3_000 })] }), 0);
  t.is(broken('news', { requests, lives: LIVES, scrapes: [scrape({ at: 6_100, success: 3_000 })] }), 0);
  const lostAt = (at: number) => [{ life: 0, at: START + at }];
  const retaken = { requests, scrapes: [scrape({ at: 8_000, success: 3_000 })] };
  t.is(broken('news', { ...retaken, losses: lostAt(5_100) }), 0, 'it stood still before it wrote the answer');
  t.is(broken('news', { ...retaken, losses: lostAt(7_100) }), 1, 'it was written by then');
  t.is(broken('news', { requests, truth: truth(), scrapes: [scrape({ at: 6_100 })] }), 0);
});
