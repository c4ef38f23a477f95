// What follows when a request finds no scan, against a model of every registry: it ends, and it finds what there is.
import test from 'ava';
import fc from 'fast-check';
import type { ImageName } from '../../src/model/digest.ts';
import { hadScan } from '../../src/model/scan.ts';
import {
  type Attempts,
  afterNoScan,
  afterScan,
  type Evidence,
  firstName,
  type Step,
  workingName,
} from '../../src/polling/next-request.ts';

const DIGITS = 'ab'.repeat(32);
const NAMINGS = ['bare', 'prefixed', 'tag'] as const satisfies readonly ImageName[];

const registry = fc.record({
  /** In which forms a digest is taken. */
  takes: fc.subarray(['bare', 'prefixed'] as const),
  isScanned: fc.boolean(),
  /** Whether "no such scan" is an error; else it is a success without a status. */
  saysByError: fc.boolean(),
  /** Whether a form that is not taken is refused in other words than that there is no such scan. */
  refusesForms: fc.boolean(),
  tagExists: fc.boolean(),
  tagHasDigest: fc.boolean(),
  mayAskTag: fc.boolean(),
});
const known = fc.record({
  digest: fc.constantFrom(DIGITS, `sha256:${DIGITS}`, ''),
  isPresentDigest: fc.constant(false),
  works: fc.constantFrom<ImageName | undefined>(undefined, ...NAMINGS),
  before: fc.constantFrom('unknown', 'not_scanned', 'complete', 'failed', 'scanning'),
  exists: fc.boolean(),
  refused: fc.constant(new Set<ImageName>()),
}) satisfies fc.Arbitrary<Evidence>;
type Registry = typeof registry extends fc.Arbitrary<infer Value> ? Value : never;

/** Asks as the program does, and gives every request, the verdict and what was workingName. */
function run(model: Registry, evidence: Evidence, random: number) {
  const requests: string[] = [];
  let attempts: Attempts = { asked: [], refused: [], wasAnswered: false, tag: undefined, askedSince: false };
  let step: Step = { ask: 'scan', by: firstName(evidence, random) };
  let isFound = false;
  while (step.ask !== undefined && requests.length < 20) {
    if (step.ask === 'tag') {
      requests.push('GetRepoTag');
      attempts = {
        ...attempts,
        tag: !model.mayAskTag ? 'unknown' : !model.tagExists ? 'gone' : model.tagHasDigest ? 'same' : 'other',
      };
    } else {
      requests.push(step.by);
      isFound = model.tagExists && model.isScanned && (step.by === 'tag' || model.takes.includes(step.by));
      const isRefused = model.refusesForms && step.by !== 'tag' && !model.takes.includes(step.by);
      const wasAnswered = attempts.wasAnswered || isFound || !(model.saysByError || isRefused);
      const refused = isRefused ? [...attempts.refused, step.by] : attempts.refused;
      const askedSince = attempts.tag !== undefined;
      attempts = { ...attempts, asked: [...attempts.asked, step.by], refused, wasAnswered, askedSince };
    }
    step = isFound ? afterScan(attempts, evidence, 'complete') : afterNoScan(attempts, evidence);
  }
  return { requests, verdict: step.ask === undefined ? step.verdict : 'endless', attempts };
}

const anything = fc.tuple(registry, known, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

test('it ends after five requests at the most, and only what was denied before the tag was shown is asked again', (t) => {
  const property = fc.property(anything, ([model, evidence, random]) => {
    const { requests, verdict } = run(model, evidence, random);
    const [before, after] = [
      requests.slice(0, requests.indexOf('GetRepoTag')),
      requests.slice(requests.indexOf('GetRepoTag')),
    ];
    const isOnce = (each: readonly string[]) => new Set(each).size === each.length;
    return verdict !== 'endless' && requests.length <= 5 && isOnce(before) && isOnce(after);
  });
  t.notThrows(() => fc.assert(property, { numRuns: 5_000 }));
});

test('the scan of an image that was not found unscanned before is found, whichever digest the registry takes', (t) => {
  const property = fc.property(anything, ([model, evidence, random]) => {
    fc.pre(
      model.tagExists && model.isScanned && model.tagHasDigest && model.mayAskTag && evidence.before !== 'not_scanned',
    );
    const isTrue = evidence.works === undefined || evidence.works === 'tag' || model.takes.includes(evidence.works);
    fc.pre(isTrue);
    return run(model, evidence, random).verdict === 'found';
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('a form that worked and does not any more is noticed by a tag that had a scan', (t) => {
  const model = {
    isScanned: true,
    saysByError: false,
    refusesForms: false,
    tagExists: true,
    tagHasDigest: true,
    mayAskTag: true,
  };
  const evidence: Evidence = {
    digest: DIGITS,
    isPresentDigest: true,
    works: 'bare',
    before: 'complete',
    exists: false,
    refused: new Set(),
  };
  const { verdict, attempts } = run({ ...model, takes: ['prefixed'] }, evidence, 0);
  t.is(verdict, 'found');
  t.is(workingName(attempts, evidence), 'prefixed');
});

test('a tag that is gone is never taken for one that was never scanned, unless the API answers as for one that is there', (t) => {
  const property = fc.property(anything, ([model, evidence, random]) => {
    fc.pre(!model.tagExists && model.saysByError && !evidence.exists);
    return run(model, evidence, random).verdict === 'failed';
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('a discovered tag whose scan is gone with its image is not said to be never scanned', (t) => {
  const property = fc.property(anything, ([model, known, random]) => {
    const evidence = { ...known, isPresentDigest: true };
    fc.pre(model.tagExists && !model.tagHasDigest && !model.isScanned && model.mayAskTag);
    fc.pre(evidence.digest !== '' && hadScan(evidence.before));
    return run(model, evidence, random).verdict === 'replaced';
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('an image without a scan is never scanned where its tag is known to exist', (t) => {
  const property = fc.property(anything, ([model, evidence, random]) => {
    fc.pre(model.tagExists && !model.isScanned && (evidence.exists || model.mayAskTag || !model.saysByError));
    // A digest that the API does not take at all, of a tag that has another one by now, cannot be asked about.
    fc.pre(!model.refusesForms || model.takes.length > 0 || model.tagHasDigest);
    return run(model, evidence, random).verdict === 'not_scanned';
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('where a form works, an image that was never scanned is asked about once', (t) => {
  const property = fc.property(anything, ([model, evidence, random]) => {
    fc.pre(
      model.tagExists &&
        !model.isScanned &&
        evidence.exists &&
        evidence.works !== undefined &&
        !hadScan(evidence.before),
    );
    fc.pre(!model.refusesForms || evidence.works === 'tag' || model.takes.some((form) => form === evidence.works));
    return run(model, evidence, random).requests.length === 1;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('where nothing was ever found, each poll of an unscanned image tries one of the ways, and all of them in time', (t) => {
  const evidence: Evidence = {
    digest: DIGITS,
    isPresentDigest: true,
    works: undefined,
    before: 'not_scanned',
    exists: true,
    refused: new Set(),
  };
  t.deepEqual(
    [0, 0.4, 0.9].map((random) => firstName(evidence, random)),
    NAMINGS,
  );
  const model = {
    isScanned: false,
    saysByError: true,
    refusesForms: false,
    tagExists: true,
    tagHasDigest: true,
    mayAskTag: true,
  };
  for (const random of [0, 0.4, 0.9]) t.is(run({ ...model, takes: [] }, evidence, random).requests.length, 1);
});

test('that digests are not taken is workingName only from a tag that had a scan before, and never where one has worked', (t) => {
  const attempts: Attempts = {
    asked: ['bare', 'prefixed', 'tag'],
    refused: [],
    wasAnswered: true,
    tag: undefined,
    askedSince: false,
  };
  const evidence: Evidence = {
    digest: DIGITS,
    isPresentDigest: true,
    works: undefined,
    before: 'unknown',
    exists: true,
    refused: new Set(),
  };
  t.is(workingName(attempts, evidence), undefined);
  t.is(workingName(attempts, { ...evidence, before: 'complete' }), 'tag');
  t.is(workingName(attempts, { ...evidence, before: 'complete', works: 'bare' }), 'bare');
  t.is(workingName({ ...attempts, asked: ['tag'] }, { ...evidence, digest: '', before: 'complete' }), undefined);
});

test('a tag that is shown after a denial of its scan may be newer than that: the scan is asked for once more', (t) => {
  const evidence: Evidence = {
    digest: '',
    isPresentDigest: false,
    works: undefined,
    before: 'unknown',
    exists: false,
    refused: new Set(),
  };
  const denied: Attempts = { asked: ['tag'], refused: [], wasAnswered: false, tag: undefined, askedSince: false };
  t.deepEqual(afterNoScan(denied, evidence), { ask: 'tag' });
  t.deepEqual(afterNoScan({ ...denied, tag: 'same' }, evidence), { ask: 'scan', by: 'tag' });
  const again: Attempts = { ...denied, asked: ['tag', 'tag'], tag: 'same', askedSince: true };
  t.deepEqual(afterNoScan(again, evidence), { ask: undefined, verdict: 'not_scanned' });
});
