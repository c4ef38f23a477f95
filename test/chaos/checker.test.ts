import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ACTIONS, MEMBER_ACTIONS } from '../../chaos/actions.ts';
import { parseExposition } from '../../chaos/exposition.ts';
import { FAULTS } from '../../chaos/faults.ts';
import { forget } from '../../chaos/forget.ts';
import type { Law } from '../../chaos/laws/law.ts';
import { LAWS, MEMBER_LAWS } from '../../chaos/laws/laws.ts';
import { createRandom } from '../../chaos/random.ts';
import { overlap, type RunRecord, type Scrape, timeAfter, timeBefore, type WireRequest } from '../../chaos/record.ts';
import { Truth } from '../../chaos/truth.ts';
import { faultsSchema } from '../../src/simulator/faults.ts';
import { broken, LABELS, law, NAME, PACES, poll, record, START, scrape, truth } from './records.ts';

test('a status that was true during the last successful poll keeps the law, one that was not breaks it', (t) => {
  const requests = [poll(0, 4_990)];
  t.is(broken('status', { requests, scrapes: [scrape({ at: 12_000 })] }), 0);
  t.is(broken('status', { requests, scrapes: [scrape({ at: 12_000, status: 'scanning' })] }), 1);
});

test('times that the exporter shows are held to its clock as it was set', (t) => {
  const requests = [poll(0, 4_990), poll(1, 7_000, { code: 'SystemError', fault: 'error' })];
  const clock = [{ from: START, to: Number.POSITIVE_INFINITY, offsetMs: 60_000 }];
  const shown = { ...scrape({ at: 12_000, success: 65_000, since: 61_000 }), clock };
  t.is(broken('status', { requests, scrapes: [shown] }), 0);
  t.is(broken('status', { requests, scrapes: [{ ...shown, clock: [] }] }), 1);
  t.is(broken('status', { requests, scrapes: [{ ...scrape({ at: 12_000, success: 67_010 }), clock }] }), 1);
  const setBack = [
    { from: START, to: START + 6_000, offsetMs: 60_000 },
    { from: START + 6_000, to: Number.POSITIVE_INFINITY, offsetMs: 0 },
  ];
  const scrapes = [
    { ...scrape({ at: 5_500, since: 61_000, success: 65_000 }), clock: setBack },
    { ...scrape({ at: 9_000, since: 8_000, success: 8_000 }), clock: setBack },
  ];
  const other = [poll(0, 4_990), poll(1, 8_000, { fault: 'status' })];
  t.is(broken('since', { requests: other, scrapes }), 0);
  t.is(broken('since', { requests: other, scrapes: [...scrapes].map(({ clock: _, ...each }) => each) }), 1);
});

test('a tag of which a scan is denied is not scanned where the registry had it within the hour, and only there', (t) => {
  const scrapes = [scrape({ at: 9_000, status: 'not_scanned' })];
  const asked = (tag: string, digest: string, fault: string | null = null) => ({
    requests: [
      poll(0, 4_990, {
        code: 'REPO_TAG_NOT_EXIST',
        fault,
        parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: tag, ...(digest !== '' && { Digest: digest }) },
      }),
    ],
    scrapes,
  });
  t.is(broken('status', asked('v1', 'another')), 0);
  t.is(broken('status', asked('v1', '')), 0);
  t.is(broken('status', asked('v1', '', 'drip')), 0);
  t.is(broken('status', asked('v1', '', 'torn')), 1);
  t.is(broken('status', { ...asked('v1', 'another'), truth: new Truth() }), 1);
  t.is(broken('status', { ...asked('v1', ''), truth: new Truth() }), 1);
});

test('that the registry had a tag within the hour is known after its phases are dropped', (t) => {
  const known = truth();
  known.look({ elapsedMs: 20_000, tags: [] }, START + 20_000, START + 20_000);
  known.forget(START + 60_000, new Map());
  const key = 'cri-a crr-api v1';
  t.deepEqual(known.between(key, 0, Number.POSITIVE_INFINITY), []);
  t.true(known.wasThere(key, START + 10_000, START + 60_000));
  t.false(known.wasThere(key, START + 30_000, START + 60_000));
  t.false(known.wasThere('cri-a crr-api v2', START + 10_000, START + 60_000));
});

test('a last success without a successful poll breaks the law', (t) => {
  t.is(broken('status', { scrapes: [scrape({ at: 6_000 })] }), 1);
  const requests = [poll(0, 4_990, { code: 'SystemError', fault: 'error' })];
  t.is(broken('status', { requests, scrapes: [scrape({ at: 6_000 })] }), 1);
});

test('a status of a repository that was made anew counts by polls under its new id alone', (t) => {
  const known = truth();
  const tag = { instanceId: 'cri-a', repoNamespace: 'shop', repoName: 'api', tag: 'v1', digest: 'one', former: [] };
  known.see({ ...tag, repoId: 'crr-old', status: 'COMPLETE', sinceMs: 0, untilMs: null });
  const old = poll(0, 4_990, { parameters: { InstanceId: 'cri-a', RepoId: 'crr-old', Tag: 'v1' } });
  const scrapes = [scrape({ at: 6_000 })];
  t.is(broken('status', { truth: known, requests: [old], scrapes }), 1);
  t.is(broken('status', { truth: known, requests: [poll(0, 4_990), { ...old, index: 1 }], scrapes }), 0);
  t.is(broken('status', { truth: known, requests: [old], scrapes: [scrape({ at: 6_000, repoId: '' })] }), 0);
});

test('a poll of an image that the tag has no more is held to the course of that image, and shown beside its digest', (t) => {
  const known = new Truth();
  const tag = { instanceId: 'cri-a', repoId: 'crr-api', repoNamespace: 'shop', repoName: 'api', tag: 'v1' };
  const one = { digest: 'one', status: 'COMPLETE', sinceMs: 0, untilMs: 4_000 };
  known.look({ elapsedMs: 0, tags: [{ ...tag, ...one, former: [] }] }, START, START);
  const two = { digest: 'two', status: 'SCANNING', sinceMs: 2_000, untilMs: null };
  known.see({ ...tag, ...two, former: [one] });
  const former = { digest: 'one', status: 'FAILED', sinceMs: 4_000, untilMs: null };
  known.look({ elapsedMs: 5_000, tags: [{ ...tag, ...two, former: [former] }] }, START + 5_000, START + 5_000);
  const verdict = (digest: string, status: string) => {
    const requests = [
      poll(0, 4_990, { parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v1', Digest: 'sha256:one' } }),
    ];
    return broken('status', { truth: known, requests, scrapes: [scrape({ at: 6_000, digest, status })] });
  };
  t.deepEqual([verdict('one', 'failed'), verdict('one', 'complete')], [0, 1]);
  t.deepEqual([verdict('one', 'scanning'), verdict('two', 'failed')], [1, 1]);
});

test('an unknown status is one that was never answered, or that the API gave', (t) => {
  const scrapes = [scrape({ at: 9_000, status: 'unknown' })];
  t.is(broken('status', { requests: [poll(0, 4_990)], scrapes }), 1);
  t.is(broken('status', { requests: [poll(0, 4_990), poll(1, 7_000, { fault: 'status' })], scrapes }), 0);
});

test('since moves where a poll saw another status, and else breaks the law', (t) => {
  const scrapes = [scrape({ at: 6_000 }), scrape({ at: 9_000, since: 8_000 })];
  t.is(broken('since', { requests: [poll(0, 4_990)], scrapes }), 1);
  t.is(broken('since', { requests: [poll(0, 4_990), poll(1, 8_000, { fault: 'status' })], scrapes }), 0);
  t.is(broken('since', { scrapes: [scrape({ at: 6_000 }), scrape({ at: 9_000, status: 'scanning' })] }), 1);
});

test('what is configured and not shown, or shown and not configured, breaks the law once the file is in force', (t) => {
  const scrapes = [scrape({ at: 6_000 })];
  const file = {
    toldAt: START,
    inForceAt: START,
    perTag: 'full',
    discovers: false,
    ...PACES,
  } as const;
  t.is(broken('configured', { scrapes }), 0);
  t.is(broken('configured', { scrapes, configurations: [{ ...file, tags: new Set() }] }), 1);
  t.is(broken('configured', { scrapes, configurations: [{ ...file, tags: new Set([NAME, `${NAME}.1`]) }] }), 1);
  t.is(broken('configured', { scrapes, configurations: [{ ...file, inForceAt: START + 7_000, tags: new Set() }] }), 0);
});

test('a time moves without its status where a file between two scrapes lists the tag by another digest, and nowhere else', (t) => {
  const requests = [poll(0, 4_990), poll(1, 7_990)];
  const scrapes = [scrape({ at: 5_500 }), scrape({ at: 9_000, since: 7_000, success: 8_000 })];
  const file = { perTag: 'full', tags: new Set([NAME]), discovers: false, ...PACES } as const;
  const at = (ms: number) => ({ toldAt: START + ms, inForceAt: START + ms });
  const configurations = [
    { ...file, ...at(0) },
    { ...file, ...at(6_000), digests: new Map([[NAME, 'ab']]) },
    { ...file, ...at(6_500) },
  ];
  t.is(broken('since', { requests, scrapes, configurations }), 0);
  t.is(
    broken('since', {
      requests,
      scrapes,
      configurations: [
        { ...file, ...at(0) },
        { ...file, ...at(6_000) },
      ],
    }),
    1,
  );
});

test('a reload that is never answered breaks the law', (t) => {
  const file = { toldAt: START, perTag: 'full', discovers: false, ...PACES, tags: new Set([NAME]) } as const;
  const waiting = { ...file, inForceAt: Number.POSITIVE_INFINITY };
  t.is(broken('reload', { configurations: [waiting] }), 0);
  t.is(broken('reload', { configurations: [{ ...waiting, givenUpAt: START + 7_000 }] }), 1);
  const late = { ...file, inForceAt: START + 6_000 };
  t.is(broken('reload', { configurations: [late] }), 1);
  t.is(broken('reload', { configurations: [late], pauses: [{ from: START, to: START + 1_500 }] }), 0);
});

test('a discovered tag that is missing after a good pass, or shown though it is gone since before, breaks the law', (t) => {
  const known = new Truth();
  const build = { instanceId: 'cri-a', repoId: 'crr-build', repoNamespace: 'ops', repoName: 'build', former: [] };
  const tag = (name: string) => ({ ...build, tag: name, digest: name, status: 'FAILED', sinceMs: 0, untilMs: null });
  known.look({ elapsedMs: 0, tags: [tag('b1'), tag('b2')] }, START, START);
  known.look({ elapsedMs: 2_000, tags: [tag('b1')] }, START + 2_000, START + 2_000);
  known.look({ elapsedMs: 9_000, tags: [tag('b1')] }, START + 9_000, START + 9_000);
  const list = (at: number) =>
    poll(at, at, { action: 'ListRepoTag', parameters: { InstanceId: 'cri-a', RepoId: 'crr-build' } });
  const verdict = (tags: readonly string[], listedAt: number, change: Partial<RunRecord> = {}) => {
    const names = 'instance_id="cri-a",repo_namespace="ops",repo_name="build"';
    const series = tags.map((name) => `acr_scan_tag_status{${names},tag="${name}",status="failed"} 1\n`).join('');
    const text = `acr_scan_tags{${names},status="failed"} ${tags.length}
acr_discovery_last_success_timestamp_seconds{instance_id="cri-a"} ${(START + 5_000) / 1_000}
${series}`;
    const scrapes = [{ ...scrape({ at: 6_000 }), exposition: parseExposition(text, false) }];
    const file = { perTag: 'full', tags: new Set([NAME]), ...PACES, discovers: true } as const;
    const configurations = [{ ...file, toldAt: START, inForceAt: START }];
    return broken('discovered', { truth: known, requests: [list(listedAt)], scrapes, configurations, ...change });
  };
  t.is(verdict(['b1'], 4_000), 0);
  t.is(verdict([], 4_000), 1);
  t.is(verdict(['b2'], 4_000), 1);
  t.is(verdict(['b1', 'b2'], 4_000), 1);
  t.is(verdict(['b1', 'b2'], 1_000), 0, 'b2 was there when the list was');
  const file = { perTag: 'full', tags: new Set([NAME]), ...PACES, discovers: false } as const;
  t.is(verdict([], 4_000, { configurations: [{ ...file, toldAt: START, inForceAt: START }] }), 0);
});

test('times that lie in several stretches count once', (t) => {
  const spans = [
    { from: 5, to: 9 },
    { from: 0, to: 3 },
    { from: 2, to: 6 },
    { from: 20, to: Number.POSITIVE_INFINITY },
  ];
  t.is(overlap(spans, 1, 8), 7);
  t.is(overlap(spans, 8, 25), 6);
  t.is(overlap(spans, 10, 20), 0);
});

test('a time limit goes on after a pause, however long that was', (t) => {
  const pauses = [
    { from: 30, to: 45 },
    { from: 10, to: 25 },
    { from: 22, to: 27 },
    { from: 60, to: Number.POSITIVE_INFINITY },
  ];
  t.is(timeAfter(pauses, 0, 10), 10);
  t.is(timeAfter(pauses, 0, 11), 28);
  t.is(timeAfter(pauses, 12, 4), 46);
  t.is(timeAfter(pauses, 27, 19), Number.POSITIVE_INFINITY);
  t.is(timeBefore(pauses, 50, 5), 45);
  t.is(timeBefore(pauses, 50, 9), 9);
  t.is(timeBefore(pauses, 8, 3), 5);
});

test('a series that is there twice, and a text that is cut off, break the law', (t) => {
  const of = (text: string, isOpenMetrics: boolean) => ({
    scrapes: [{ ...scrape({ at: 0 }), exposition: parseExposition(text, isOpenMetrics) }],
  });
  t.is(broken('text', of('a{b="c"} 1\na{b="d"} 1\n', false)), 0);
  t.is(broken('text', of('a{b="c"} 1\na{b="c"} 2\n', false)), 1);
  t.is(broken('text', of('a 1\n# EOF\n', true)), 0);
  t.is(broken('text', of('a 1\n', true)), 1);
  t.is(broken('text', of('a +Inf\nb NaN\nc -1.5e-7\n', false)), 0);
  t.is(broken('text', of('a 1.2.3\n', false)), 1);
  t.is(broken('text', of('a{b="\\"c\\\\",d="\\n}"} 1\n', false)), 0);
  for (const labels of ['b="c"d"', 'b="c\\"', 'b="\\x"', 'b="c"d="e"', 'b=c', 'b="c",,d="e"'])
    t.is(broken('text', of(`a{${labels}} 1\n`, false)), 1, labels);
});

test('a counter that falls breaks the law within a life, and not with the next', (t) => {
  const of = (life: number, value: number) => ({
    ...scrape({ at: 0 }),
    life,
    exposition: parseExposition(`# TYPE a_total counter\na_total ${value}\n# TYPE b gauge\nb ${value}\n`, false),
  });
  t.is(broken('counters', { scrapes: [of(0, 2), of(0, 1)] }), 1);
  t.is(broken('counters', { scrapes: [of(0, 2), of(1, 1)] }), 0);
  const text = (value: number) => `# TYPE a_total counter\na_total{instance_id="cri-b"} ${value}\n`;
  const scrapes = [of(0, 2), of(0, 1)].map((each, index) => ({
    ...each,
    sentAt: each.sentAt + 1_000 * index,
    answeredAt: each.answeredAt + 1_000 * index,
    exposition: parseExposition(text(2 - index), false),
  }));
  const file = (tags: readonly string[], at: number) =>
    ({
      toldAt: START + at,
      inForceAt: START + at,
      perTag: 'full',
      tags: new Set(tags),
      discovers: false,
      ...PACES,
    }) as const;
  const listed = 'cri-b shop job j1';
  t.is(broken('counters', { scrapes, configurations: [file([listed], 0)] }), 1);
  t.is(broken('counters', { scrapes, configurations: [file([listed], 0), file([], 400), file([listed], 600)] }), 0);
});

/** A request on the wire, written at a time in milliseconds and over ten later. */
function written(id: number, at: number, change: Partial<WireRequest> = {}): WireRequest {
  const times = { at: START + at, fromMs: at, toMs: at, overMs: at + 10 };
  const subject = 'GetRepoTagScanStatus cri-a crr-api v1 ';
  return { life: 0, id, accessKeyId: 'key-a-1', subject, ...times, isAnswered: true, ...change };
}

test('requests beyond the rate on the wire break the law, however little, within a life and a set of credentials', (t) => {
  // At 40 a second the third within 25 ms is one too many; one every 25 ms after two at once is none.
  const wire = [0, 0, 25, 50, 75].map((at, id) => written(id, at));
  t.is(broken('rate', { wire }), 0);
  t.is(broken('rate', { wire: [...wire, written(5, 99.9)] }), 1);
  t.is(broken('rate', { wire: [...wire, written(5, 99.9, { accessKeyId: 'key-b-1' })] }), 0);
  t.is(broken('rate', { wire: [...wire, written(5, 99.9, { life: 1 })] }), 0);
  t.is(broken('rate', { wire: [...wire, written(5, 99.9, { accessKeyId: 'key-a-2' })] }), 1, 'another key of the set');
  t.is(broken('rate', { wire: [...wire, written(5, 90, { toMs: 100 })] }), 0, 'perhaps written later');
});

test('a request on the wire while max_concurrent are under way breaks the law', (t) => {
  const wire = [0, 30, 60, 90].map((at, id) => written(id, at, { overMs: 120 }));
  t.is(broken('concurrency', { wire: [...wire, written(4, 120)] }), 0);
  t.is(broken('concurrency', { wire: [...wire, written(4, 119.9)] }), 1);
  t.is(broken('concurrency', { wire: [...wire, written(4, 119.9, { accessKeyId: 'key-b-2' })] }), 0);
});

const OTHER = LABELS.replace('tag="v1"', 'tag="v2"');

/** A scrape a second that shows v1 with its last success, and another tag with one just before; times in milliseconds after the start. */
function waitingScrapes(lastSuccess: number, until: number, paused = 0): Scrape[] {
  const of = (labels: string, success: number) => `acr_scan_tag_status{${labels},status="complete"} 1
acr_scan_tag_last_success_timestamp_seconds{${labels}} ${(START + success) / 1_000}
acr_scan_tag_poll_success{${labels}} 1
acr_scan_tag_info{${labels},repo_id="crr-api",digest=""} 1
`;
  return Array.from({ length: until / 1_000 }, (_, index) => {
    const at = 1_500 + 1_000 * index;
    const text = `${of(LABELS, lastSuccess)}${of(OTHER, at - 500)}acr_scheduler_paused{credentials="default",reason="refused"} ${paused}\n`;
    return { ...scrape({ at }), exposition: parseExposition(text, false) };
  });
}

test('a tag that is due and passed by thrice breaks the law, one that is polled or due as late as the others does not', (t) => {
  const requests = Array.from({ length: 10 }, (_, index) =>
    poll(index, 900 + 1_000 * index, { parameters: { InstanceId: 'cri-a', RepoId: 'crr-api', Tag: 'v2' } }),
  );
  t.is(broken('turn', { requests, scrapes: waitingScrapes(1_000, 7_000) }), 0);
  const scrapes = waitingScrapes(1_000, 8_000);
  t.is(broken('turn', { requests, scrapes }), 1);
  t.is(broken('turn', { requests: [...requests, poll(20, 8_450)], scrapes }), 0, 'on its way at last');
  t.is(broken('turn', { requests, scrapes: waitingScrapes(3_000, 8_000) }), 0, 'not due for long enough');
  t.is(broken('turn', { requests, scrapes, pauses: [{ from: START + 5_000, to: START + 6_000 }] }), 0);
  const file = { perTag: 'full', tags: new Set([NAME]), discovers: false, ...PACES } as const;
  const reload = { ...file, toldAt: START, inForceAt: START + 20_000 };
  t.is(broken('turn', { requests, scrapes, configurations: [reload] }), 0, 'the others may be new');
});

test('a tag that is due while nothing is asked breaks the law, unless its credentials are paused', (t) => {
  // v1 was answered at 1 s, and is due at 3 s: with a time limit, ten turns at 40 a second and half a second more, 4.75 s is too late.
  const scrapes = waitingScrapes(1_000, 9_000).map((each) => ({
    ...each,
    exposition: {
      ...each.exposition,
      samples: new Map([...each.exposition.samples].filter(([series]) => !series.includes(OTHER))),
    },
  }));
  const probes = [{ path: '/-/healthy', sentAt: START + 20_000, tookMs: 1, ok: true }];
  const verdict = (change: Partial<RunRecord>) => {
    const { checked, violations } = law('idle').check(record({ scrapes, probes, monotonicZeroAt: START, ...change }));
    return [checked, violations.length];
  };
  t.deepEqual(verdict({}), [1, 1]);
  t.deepEqual(verdict({ wire: [written(0, 990)] }), [1, 1], 'the poll before');
  t.deepEqual(verdict({ wire: [written(0, 4_700)] }), [1, 0]);
  t.deepEqual(verdict({ wire: [written(0, 2_850)] }), [1, 0], 'intervals are shortened at random');
  t.deepEqual(verdict({ wire: [written(0, 4_800)] }), [1, 1]);
  t.deepEqual(verdict({ wire: [written(0, 4_700, { accessKeyId: 'key-b-1' })] }), [1, 1]);
  const pauses = [{ from: START + 3_000, to: START + 3_200 }];
  t.deepEqual(verdict({ wire: [written(0, 4_800)], pauses }), [1, 0], 'it was not let run');
  t.deepEqual(verdict({ scrapes: waitingScrapes(1_000, 9_000, 1) })[0], 0, 'paused');
  t.deepEqual(verdict({ probes: [] }), [0, 0], 'the run ended before');
  const [life] = record({}).lives;
  t.deepEqual(verdict({ lives: life === undefined ? [] : [{ ...life, to: START + 4_000 }] }), [0, 0]);
  const file = { perTag: 'full', tags: new Set([NAME]), discovers: false, ...PACES } as const;
  const reload = { ...file, toldAt: START + 3_500, inForceAt: START + 3_600 };
  t.deepEqual(verdict({ configurations: [{ ...file, toldAt: START, inForceAt: START }, reload] }), [0, 0]);
});

test('a request that one of the simulator and the socket has not seen breaks the law, once both have been heard', (t) => {
  const probes = [{ path: '/-/healthy', sentAt: START + 20_000, tookMs: 1, ok: true }];
  const verdict = (requests: RunRecord['requests'], wire: RunRecord['wire'], change: Partial<RunRecord> = {}) => {
    const { checked, violations } = law('seen').check(
      record({ probes, monotonicZeroAt: START, requests, wire, ...change }),
    );
    return [checked, violations.length];
  };
  t.deepEqual(verdict([poll(0, 1_000)], [written(0, 990)]), [2, 0]);
  t.deepEqual(verdict([poll(0, 1_000)], []), [1, 1]);
  t.deepEqual(verdict([], [written(0, 990)]), [1, 1]);
  t.deepEqual(verdict([], [written(0, 990, { isAnswered: false })]), [0, 0], 'it may have been lost');
  t.deepEqual(verdict([poll(0, 1_000, { accessKeyId: '' })], []), [0, 0], 'the simulator did not get it whole');
  t.deepEqual(verdict([poll(0, 1_000)], [written(0, 1_200)]), [2, 2], 'written after it came');
  t.deepEqual(
    verdict([poll(0, 1_000)], [written(0, 990, { subject: 'GetRepoTagScanStatus cri-a crr-api v2 ' })]),
    [2, 2],
  );
  const killed = [{ number: 0, startedAt: START, from: START, to: START + 1_500, clock: [] }];
  t.deepEqual(
    verdict([poll(0, 1_000)], [], { lives: killed }),
    [0, 0],
    'the process was killed before it could say so',
  );
  // The simulator has read both after a stall: the first was given up before.
  const late = [poll(0, 2_500), poll(1, 2_501)];
  t.deepEqual(verdict(late, [written(0, 1_000), written(1, 2_400)]), [4, 0]);
});

test('a probe that takes more than a second breaks the law, unless the process was stopped meanwhile', (t) => {
  const probes = [{ path: '/-/healthy', sentAt: START, tookMs: 1_500, ok: true }];
  t.is(broken('health', { probes }), 1);
  t.is(broken('health', { probes, pauses: [{ from: START, to: START + 900 }] }), 0);
});

test('a scrape that is not answered breaks the law', (t) => {
  t.is(broken('scrapes', { probes: [{ path: '/metrics', sentAt: START, tookMs: 10, ok: true }] }), 0);
  t.is(broken('scrapes', { probes: [{ path: '/metrics', sentAt: START, tookMs: 10, ok: false }] }), 1);
});

test('a process that does not end with 0 in time after SIGTERM breaks the law', (t) => {
  t.is(broken('end', { ends: [{ sentAt: START, tookMs: 4_600, status: 0 }] }), 0);
  t.is(broken('end', { ends: [{ sentAt: START, tookMs: 4_600, status: 1 }] }), 1);
  t.is(broken('end', { ends: [{ sentAt: START, tookMs: 12_000, status: 0 }] }), 1);
  t.is(broken('end', { ends: [{ sentAt: START, tookMs: 15_000, status: undefined }] }), 1);
});

test('a process that holds too much after a storm breaks the law', (t) => {
  const calm = { from: START + 1, to: START + 2, equalAt: START + 1, differences: [] };
  const rest = { life: 0, residentBytes: 150 * 1024 ** 2, openFiles: 30, resources: new Map<string, number>() };
  t.is(broken('memory', { calms: [{ ...calm, rest }] }), 0);
  t.is(broken('memory', { calms: [{ ...calm, rest: { ...rest, residentBytes: 257 * 1024 ** 2 } }] }), 1);
  t.is(broken('memory', { calms: [{ ...calm, rest: { ...rest, openFiles: 97 } }] }), 1);
  t.is(broken('memory', { calms: [calm] }), 0);
});

test('a calm without the truth breaks the law', (t) => {
  const span = { from: START, to: START + 30_000, rest: undefined };
  t.is(broken('calm', { calms: [{ ...span, equalAt: START + 1, differences: [] }] }), 0);
  t.is(broken('calm', { calms: [{ ...span, equalAt: Number.POSITIVE_INFINITY, differences: ['something'] }] }), 1);
});

test('only what was certain at a moment that is judged is counted, with what lies around it', (t) => {
  const requests = [poll(0, 4_990), poll(1, 7_000, { fault: 'status' })];
  const scrapes = [scrape({ at: 6_000, status: 'failed' }), scrape({ at: 9_000, since: 8_000 })];
  const judge = (name: string, from: number, to: number) => {
    const { checked, violations } = law(name).check(record({ requests, scrapes }), {
      from: START + from,
      to: START + to,
    });
    return [checked, violations.length];
  };
  t.deepEqual(judge('status', 0, 6_001), [0, 0]);
  t.deepEqual(judge('status', 6_001, 9_001), [1, 1]);
  t.deepEqual(judge('status', 9_001, 20_000), [1, 0]);
  t.deepEqual(judge('since', 9_001, 20_000), [1, 0]);
});

test('what is forgotten changes no verdict on what comes later', (t) => {
  const requests = [
    poll(0, 1_000),
    poll(1, 4_990),
    // Answered, but too late for the exporter: its last success stays at the one before.
    poll(2, 6_000),
    ...Array.from({ length: 50 }, (_, index) =>
      poll(3 + index, 7_000 + index * 100, { code: 'SystemError', fault: 'error' }),
    ),
  ];
  const scrapes = [scrape({ at: 6_000 }), scrape({ at: 11_500 }), scrape({ at: 12_000, status: 'scanning' })];
  const whole = record({ requests, scrapes });
  forget(whole, START + 11_000);
  t.deepEqual(whole.requests.map(({ index }) => index).slice(0, 2), [1, 2]);
  t.is(whole.scrapes.length, 2);
  const { checked, violations } = law('status').check(whole);
  t.deepEqual([checked, violations.length], [2, 1]);
  t.regex(violations[0]?.text ?? '', /when the truth was COMPLETE/);
});

test('what is forgotten is gone, but for the configuration and the life that are there', (t) => {
  const file = { perTag: 'full', discovers: false, ...PACES, tags: new Set([NAME]) } as const;
  const old = record({
    lives: [
      { number: 0, startedAt: START, from: START, to: START + 100, clock: [] },
      { number: 1, startedAt: START + 100, from: START + 100, to: Number.POSITIVE_INFINITY, clock: [] },
    ],
    scrapes: [scrape({ at: 6_000 })],
    configurations: [0, 5_000].map((at) => ({ ...file, toldAt: START + at, inForceAt: START + at })),
    requests: [0, 1, 2].map((index) => poll(index, index * 1_000)),
    wire: [written(0, 0)],
    simulatorStalls: [{ from: 0, to: 100 }],
    pauses: [{ from: START, to: START + 900 }],
    probes: [{ path: '/metrics', sentAt: START, tookMs: 10, ok: true }],
    calms: [{ from: START, to: START + 100, equalAt: START, differences: [], rest: undefined }],
    ends: [{ sentAt: START, tookMs: 100, status: 0 }],
    moves: [{ from: START, to: START + 900 }],
    losses: [{ life: 0, at: START }],
    redisFaults: [{ from: START, to: START + 900 }],
  });
  forget(old, START + 90_000);
  const {
    lives,
    configurations,
    requests,
    truth: kept,
    lastSuccesses,
    simulatorStalls,
    monotonicZeroAt: _,
    members: __,
    keptFrom,
    stateFrom,
    ...gone
  } = old;
  t.deepEqual(
    lives.map(({ number }) => number),
    [1],
  );
  t.deepEqual(
    configurations.map(({ toldAt }) => toldAt),
    [START + 5_000],
  );
  t.deepEqual(
    requests.map(({ index }) => index),
    [2],
  );
  t.is(kept.between('cri-a crr-api v1', START, START + 90_000).length, 2);
  t.deepEqual([...lastSuccesses], [[NAME, START + 5_000]]);
  t.is(keptFrom, START + 90_000);
  t.is(stateFrom, Number.POSITIVE_INFINITY);
  t.deepEqual(
    Object.values(gone),
    Object.values(gone).map(() => []),
  );
});

test('the truth forgets repositories that are gone', (t) => {
  const known = truth();
  known.look({ elapsedMs: 12_000, tags: [] }, START + 12_000, START + 12_000);
  known.forget(START + 11_000, new Map());
  t.is(known.namesOf('cri-a', 'crr-api'), 'cri-a shop api');
  known.forget(START + 13_000, new Map([['cri-a crr-api v1', START + 11_500]]));
  t.is(known.namesOf('cri-a', 'crr-api'), 'cri-a shop api');
  known.forget(START + 13_000, new Map());
  t.is(known.namesOf('cri-a', 'crr-api'), undefined);
});

test('truth knows which statuses it missed', (t) => {
  const known = truth().between('cri-a crr-api v1', START + 9_000, START + 10_500);
  t.deepEqual(
    known.map(({ status }) => status),
    ['COMPLETE', 'SCANNING'],
  );
  const gap = new Truth();
  const tag = { instanceId: 'i', repoId: 'r', repoNamespace: 'n', repoName: 'n', tag: 't', digest: 'one', former: [] };
  gap.look({ elapsedMs: 0, tags: [{ ...tag, status: 'COMPLETE', sinceMs: 0, untilMs: 100 }] }, START, START);
  gap.look(
    { elapsedMs: 900, tags: [{ ...tag, status: 'FAILED', sinceMs: 800, untilMs: null }] },
    START + 900,
    START + 900,
  );
  t.deepEqual(
    gap.between('i r t', START + 300, START + 400).map(({ status }) => status),
    ['any'],
  );
});

test('truth does not know when a tag was deleted between two looks', (t) => {
  const known = new Truth();
  const tag = { instanceId: 'i', repoId: 'r', repoNamespace: 'n', repoName: 'n', tag: 't', digest: 'one', former: [] };
  const scanning = { ...tag, status: 'SCANNING', sinceMs: 0, untilMs: 800 };
  known.look({ elapsedMs: 400, tags: [scanning] }, START + 400, START + 400);
  known.look({ elapsedMs: 900, tags: [] }, START + 900, START + 900);
  known.look({ elapsedMs: 990, tags: [] }, START + 990, START + 990);
  const statuses = (from: number, to: number) =>
    known.between('i r t', START + from, START + to).map(({ status }) => status);
  t.deepEqual(statuses(300, 350), ['SCANNING']);
  t.deepEqual(statuses(500, 600), ['any']);
  t.deepEqual(statuses(950, 960), []);
});

test('the simulator takes every fault that is drawn', (t) => {
  const random = createRandom(7);
  for (const kind of FAULTS) {
    for (let draw = 0; draw < 20; draw++) t.true(faultsSchema.safeParse([kind.draw(random)]).success, kind.name);
  }
});

test('the same seed draws the same', (t) => {
  const draw = (seed: number) => {
    const random = createRandom(seed);
    return Array.from({ length: 20 }, () => random.whole(0, 1_000));
  };
  t.deepEqual(draw(5), draw(5));
  t.notDeepEqual(draw(5), draw(6));
});

test('docs/reliability.md has every fault, action and law, and no other', (t) => {
  const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
  const section = (title: string) => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
  const items = (title: string) => [...section(title).matchAll(/^- (.*)$/gm)].map(([, item]) => item);
  t.deepEqual(
    items('The faults of the API'),
    FAULTS.map(({ name }) => name),
  );
  t.deepEqual(
    items('The actions'),
    ACTIONS.map(({ name }) => name),
  );
  const rows = (title: string) =>
    [...section(title).matchAll(/^\| (?!laws? |---)(.*?) \| (.*) \|$/gm)].map(([, name = '', text = '']) => [
      name,
      text,
    ]);
  const rowOf = ({ name, sentence }: Law) => [name, sentence];
  t.deepEqual(rows('The laws'), LAWS.map(rowOf));
  t.deepEqual(
    items('Replicas'),
    MEMBER_ACTIONS.map(({ name }) => name),
  );
  const ofMembers = MEMBER_LAWS.filter((each) => !LAWS.includes(each));
  t.deepEqual(rows('Replicas').slice(0, ofMembers.length), ofMembers.map(rowOf));
  const decided = rows('Replicas')
    .slice(ofMembers.length)
    .flatMap(([names = '', text = '']) => names.split(', ').map((name) => [name, !/^(not judged|see)/.test(text)]));
  t.deepEqual(decided.sort(), LAWS.map((each) => [each.name, MEMBER_LAWS.includes(each)]).sort());
  const names = [...FAULTS, ...ACTIONS, ...MEMBER_ACTIONS, ...LAWS, ...ofMembers].map(({ name }) => name);
  t.is(new Set(names).size, names.length);
});

test('the checker imports nothing of the exporter', (t) => {
  const chaos = fileURLToPath(new URL('../../chaos/', import.meta.url));
  const files = readdirSync(chaos, { recursive: true, encoding: 'utf8' }).filter((file) => /\.m?ts$/.test(file));
  t.true(files.length > 20);
  const foreign = files.flatMap((file) =>
    [...readFileSync(join(chaos, file), 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)]
      .map(([, to = '']) => to)
      .filter((to) => !to.startsWith('node:') && !join(chaos, dirname(file), to).startsWith(chaos))
      .map((to) => `${file} imports ${to}`),
  );
  t.deepEqual(foreign, []);
});
