import test from 'ava';
import { parseExposition } from '../../chaos/exposition.ts';
import { forget, neededFrom } from '../../chaos/forget.ts';
import type { Life, LifeStorage, RunRecord, Scrape } from '../../chaos/record.ts';
import { broken, FILE_OF_NAME, law, NAME, poll, record, START, scrape } from './records.ts';

/** A process that lives from the start to 7 s, and one that starts then with the state of 6.5 s. */
const RESTORED: LifeStorage = {
  intervalMs: 1_000,
  isUntouched: true,
  restored: { life: 0, savedAt: START + 6_500, successes: new Map(), knownBy: START + 6_000 },
};

function lives(storage: LifeStorage = RESTORED, change: Partial<Life> = {}): Life[] {
  const [first, second] = [START, START + 7_000];
  const forever = Number.POSITIVE_INFINITY;
  const clock = [
    { from: first, to: second, offsetMs: 0 },
    { from: second, to: forever, offsetMs: 0 },
  ];
  return [
    {
      number: 0,
      startedAt: first,
      from: first + 100,
      to: second,
      clock: clock.slice(0, 1),
      storage: { intervalMs: 1_000, isUntouched: true },
    },
    { number: 1, startedAt: second, from: second + 200, to: forever, clock, storage, ...change },
  ];
}

/** What the second process shows. */
function after(shown: Parameters<typeof scrape>[0], storage?: LifeStorage, change?: Partial<Life>): Scrape {
  const clock = lives(storage, change)[1]?.clock ?? [];
  return { ...scrape(shown), life: 1, clock };
}

/** How often a law was checked, the start of the first process included, and broken. */
function verdict(name: string, change: Partial<RunRecord>): readonly [checked: number, broken: number] {
  const { checked, violations } = law(name).check(record({ lives: lives(), ...change }));
  return [checked, violations.length];
}

const POLLS = [poll(0, 4_990)];
const BEFORE = scrape({ at: 5_500 });

test('a tag that a start has forgotten, or shows as it was earlier, breaks the law', (t) => {
  const kept = (shown: Scrape) => verdict('kept', { requests: POLLS, scrapes: [BEFORE, shown] });
  t.deepEqual(kept(after({ at: 7_300 })), [2, 0]);
  t.deepEqual(kept(after({ at: 7_300, success: 4_000 })), [2, 1]);
  const gone = { ...after({ at: 7_300 }), exposition: parseExposition('up 1\n', false) };
  t.deepEqual(kept(gone), [2, 1]);
  // What the last save may not have is not missed.
  const late = [scrape({ at: 5_500, success: 3_000 }), scrape({ at: 6_400 }), after({ at: 7_300, success: 3_000 })];
  t.deepEqual(verdict('kept', { requests: POLLS, scrapes: late }), [2, 0]);
});

test('a tag that a start does not show as the file has it breaks the law, unless it is another image', (t) => {
  const kept = (at: number, repoId = 'crr-api') => {
    const successes = new Map([[NAME, { repoId, digest: '', at: START + at }]]);
    const restored = { life: -1, savedAt: START + 6_500, successes, knownBy: Number.NEGATIVE_INFINITY };
    return verdict('kept', { lives: lives({ ...RESTORED, restored }), scrapes: [after({ at: 7_300 })] });
  };
  t.deepEqual(kept(5_000), [1, 0]);
  t.deepEqual(kept(6_000), [1, 1]);
  t.deepEqual(kept(6_000, 'crr-other'), [1, 0]);
});

test('an answer from before the start breaks the law where there was no good file, or where it came after the save', (t) => {
  const none: LifeStorage = { intervalMs: 1_000, isUntouched: false };
  const scrapes = [BEFORE, after({ at: 7_300 })];
  t.deepEqual(verdict('kept', { lives: lives(none), scrapes }), [2, 1]);
  t.deepEqual(verdict('kept', { lives: lives(none), scrapes: [BEFORE, after({ at: 8_000, success: 7_500 })] }), [2, 0]);
  const restored = { life: 0, savedAt: START + 5_200, successes: new Map(), knownBy: START + 4_000 };
  const kept = (success: number, pauses: RunRecord['pauses'] = []) =>
    verdict('kept', {
      lives: lives({ ...RESTORED, restored }),
      scrapes: [BEFORE, after({ at: 7_300, success })],
      pauses,
    });
  t.deepEqual(kept(6_600), [2, 0], 'its record was written later than the first one');
  t.deepEqual(kept(6_800), [2, 1]);
  t.deepEqual(kept(6_800, [{ from: START + 5_300, to: START + 5_500 }]), [2, 0], 'the process stood still meanwhile');
});

test('the state of a tag that is listed by another digest than in the file breaks the law', (t) => {
  const successes = new Map([[NAME, { repoId: 'crr-api', digest: 'cd', at: START + 5_000 }]]);
  const restored = { life: -1, savedAt: START + 6_500, successes, knownBy: Number.NEGATIVE_INFINITY };
  const kept = (success: number) =>
    verdict('kept', {
      lives: lives({ ...RESTORED, restored }),
      scrapes: [after({ at: 8_000, success, digest: 'ab' })],
    });
  t.deepEqual(kept(5_000), [1, 1]);
  t.deepEqual(kept(7_500), [1, 0]);
});

test('a save that was shown and is not in the file breaks the law, unless the file was damaged', (t) => {
  const withSave = (at: number) => {
    const saved = `acr_scan_exporter_state_last_save_timestamp_seconds ${(START + at) / 1_000}\n`;
    return { ...BEFORE, exposition: parseExposition(saved, false) };
  };
  const kept = (at: number, storage: LifeStorage = RESTORED) =>
    verdict('kept', { lives: lives(storage), scrapes: [withSave(at), after({ at: 7_300 })] });
  const older = {
    ...RESTORED,
    restored: { life: 0, savedAt: START + 5_200, successes: new Map(), knownBy: START + 4_000 },
  };
  t.deepEqual(kept(6_600, older)[1], 0);
  t.deepEqual(kept(6_900, older)[1], 1);
  t.deepEqual(kept(6_900, { ...older, isUntouched: false })[1], 0);
  t.deepEqual(kept(6_000, { intervalMs: 1_000, isUntouched: true })[1], 1);
});

test('since that moves with the process breaks the law, and not where it is a time that was still to come', (t) => {
  const since = (shown: Scrape, change: Partial<RunRecord> = {}) =>
    verdict('since', { requests: POLLS, scrapes: [BEFORE, shown], ...change });
  t.deepEqual(since(after({ at: 7_300 })), [1, 0]);
  t.deepEqual(since(after({ at: 7_300, since: 7_100 })), [1, 1]);
  const clock = [
    { from: START, to: START + 7_000, offsetMs: 60_000 },
    { from: START + 7_000, to: Number.POSITIVE_INFINITY, offsetMs: 0 },
  ];
  const ahead = { ...after({ at: 7_300, since: 7_100 }), clock };
  t.deepEqual(since(ahead, { lives: lives(RESTORED, { clock }) }), [0, 0]);
  t.deepEqual(
    since(after({ at: 7_300, since: 7_100 }), { lives: lives({ intervalMs: 1_000, isUntouched: true }) }),
    [0, 0],
  );
});

test('a restored status is held to the poll of the process before', (t) => {
  const status = (shown: string) =>
    verdict('status', { requests: POLLS, scrapes: [after({ at: 7_300, status: shown })] });
  t.deepEqual(status('complete'), [1, 0]);
  t.deepEqual(status('failed'), [1, 1]);
});

test('a status with the time of a start in place of one that was still to come keeps the law, also in the process after the next', (t) => {
  const offsets = (first: number) => [
    { from: START, to: START + 7_000, offsetMs: first },
    { from: START + 7_000, to: START + 9_000, offsetMs: 0 },
    { from: START + 9_000, to: Number.POSITIVE_INFINITY, offsetMs: 0 },
  ];
  const broken = (firstMs: number, life: number, at: number) => {
    const clock = offsets(firstMs);
    const third = { number: 2, startedAt: START + 9_000, from: START + 9_200, to: Number.POSITIVE_INFINITY };
    const all = [...lives(RESTORED, { to: START + 9_000 }), { ...third, clock, storage: RESTORED }];
    const shown = { ...scrape({ at, success: 7_100, status: 'failed' }), life, clock };
    return verdict('status', { requests: POLLS, scrapes: [shown], lives: all })[1];
  };
  t.deepEqual([broken(60_000, 1, 7_300), broken(60_000, 2, 9_300)], [0, 0]);
  t.deepEqual([broken(0, 1, 7_300), broken(0, 2, 9_300)], [1, 1]);
});

/** What a scrape says of saves. */
function withSaves(shown: Parameters<typeof scrape>[0], success: number, saved: number): Scrape {
  const found = scrape(shown);
  const text = `acr_scan_exporter_state_last_save_successful ${success}
acr_scan_exporter_state_last_save_timestamp_seconds ${(START + saved) / 1_000}
`;
  const samples = new Map([...found.exposition.samples, ...parseExposition(text, false).samples]);
  return { ...found, exposition: { ...found.exposition, samples } };
}

function withClock(found: Scrape): Scrape {
  return { ...found, clock: lives()[0]?.clock ?? [] };
}

test('an answer that is not saved in time, and a success while nothing can be written, break the law', (t) => {
  const saved = (at: number, success: number, savedAt: number, blocks: RunRecord['blocks'] = []) =>
    verdict('saved', {
      scrapes: [
        withClock(scrape({ at: 1_100, success: 1_000 })),
        withClock(withSaves({ at, success: 3_500 }, success, savedAt)),
      ],
      blocks,
    });
  t.deepEqual(saved(3_000, 1, 500), [0, 0], 'it is too soon to say');
  t.deepEqual(saved(4_000, 1, 1_200), [1, 0]);
  t.deepEqual(saved(4_000, 1, 900), [1, 1]);
  t.deepEqual(saved(4_000, 0, 900), [1, 1]);
  const block = [{ from: START + 900, to: START + 6_000 }];
  t.deepEqual(saved(4_000, 0, 800, block), [1, 0]);
  t.deepEqual(saved(4_000, 1, 800, block), [1, 1]);
  t.deepEqual(saved(4_000, 1, 3_000, block)[1], 2);
  t.deepEqual(
    saved(4_000, 0, 800, [{ from: START + 500, to: START + 2_000 }]),
    [0, 0],
    'it could be written again since',
  );
});

test('a tag that is asked about too soon after an answer of the process before breaks the law', (t) => {
  const resumed = (at: number, change: Partial<RunRecord> = {}) =>
    verdict('resumed', {
      requests: [...POLLS, poll(1, at)],
      scrapes: [successful(after({ at: 7_300, success: 6_000 }))],
      ...change,
    });
  t.deepEqual(resumed(7_900), [1, 0]);
  t.deepEqual(resumed(7_600), [1, 1]);
  const quicker = { ...FILE_OF_NAME, intervalsMs: { ...FILE_OF_NAME.intervalsMs, complete: 700 } };
  t.deepEqual(resumed(7_600, { configurations: [quicker] }), [1, 0]);
  const refused = poll(2, 7_400, { code: 'InvalidAccessKeyId.NotFound', parameters: { InstanceId: 'cri-a' } });
  t.deepEqual(resumed(7_600, { requests: [...POLLS, refused, poll(1, 7_600)] }), [0, 0]);
});

/** The last poll of the tag was successful. */
function successful(found: Scrape): Scrape {
  const series = [...found.exposition.samples.keys()].find((each) => each.startsWith('acr_scan_tag_info')) ?? '';
  const labels = series.replace(/,repo_id.*/, '}').replace('acr_scan_tag_info', 'acr_scan_tag_poll_success');
  return {
    ...found,
    exposition: { ...found.exposition, samples: new Map([...found.exposition.samples, [labels, 1]]) },
  };
}

test('what a start may show is not forgotten before', (t) => {
  const now = START + 100_000;
  const old = record({ lives: lives(), requests: POLLS, scrapes: [BEFORE] });
  t.is(neededFrom(old, now - 60_000, now), now - 60_000);
  t.is(neededFrom({ ...old, stateFrom: START + 20_000 }, now - 60_000, now), START + 15_000);
  const young = lives(RESTORED, { from: now - 10_000 });
  t.is(neededFrom({ ...old, lives: young }, now - 60_000, now), START + 1_500);
  forget(old, neededFrom({ ...old, stateFrom: START + 6_500 }, now - 60_000, now));
  t.is(old.scrapes.length, 1);
  t.is(broken('kept', { lives: lives(), scrapes: old.scrapes }), 0);
});

test('the poll that a start has restored is not forgotten, though a process without storage has shown a later one', (t) => {
  const polls = [poll(0, 990), poll(1, 2_990), poll(2, 4_990)];
  const shown = { ...after({ at: 7_300, success: 1_000 }) };
  const all = record({ lives: lives(), requests: polls, scrapes: [scrape({ at: 3_500, success: 3_000 }), shown] });
  forget(all, START + 6_000);
  t.deepEqual([all.scrapes.length, all.requests[0]?.index], [1, 0]);
  t.is(law('status').check(all).violations.length, 0);
});
