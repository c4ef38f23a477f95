// Names of every kind as labels, through the page of metrics and back.
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { Exposition } from '../../src/metrics/exposition.ts';
import type { Repository } from '../../src/model/target.ts';
import { StateStore, type WatchedTag } from '../../src/state/store.ts';
import type { TagEvent } from '../../src/state/tag-state.ts';
import { requireEqual } from '../outputs.ts';
import { readPage } from '../page-reader.ts';
import { defineTarget } from '../target.ts';
import { anyText, madeOf, repeated } from '../texts.ts';

const label = fc.oneof(
  { weight: 3, arbitrary: anyText(16) },
  {
    weight: 3,
    arbitrary: madeOf(
      [
        '"',
        '\\',
        '\n',
        'n',
        '}',
        '{',
        ' ',
        ',',
        '=',
        '# EOF',
        '\r',
        '\u2028',
        '\0',
        '\ud800',
        '\udc00',
        '\ufffd',
        'd800',
        '😀',
        'a',
      ],
      6,
    ),
  },
  { weight: 1, arbitrary: repeated(['a', '\\', '"', '😀'], 2_000) },
);

/** What happens to the watched tags: a new one, an answer for one of them, or one goes. */
type Step = {
  readonly kind: 'add' | 'answer' | 'fail' | 'summary' | 'remove';
  readonly at: number;
  readonly names: readonly [instanceId: string, namespace: string, name: string, tag: string];
  readonly code: string;
  readonly status: 'scanning' | 'complete' | 'failed';
};

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'answer', 'fail', 'summary', 'remove'),
  at: fc.nat({ max: 100 }),
  names: fc.tuple(fc.oneof(fc.constant('cri-1'), label), fc.oneof(fc.constant('shop'), label), label, label),
  code: fc.oneof(fc.constantFrom('SystemError', 'other'), label),
  status: fc.constantFrom('scanning', 'complete', 'failed'),
});

const NOW_MS = 1_795_480_000_000;
/** The exporter's own families, which are never missing. */
const OWN = '# HELP up Whether it is up.\n# TYPE up gauge\nup 1\n';

export const pagesOfMetrics = defineTarget({
  name: 'pages-of-metrics',
  sentence:
    'every label is read from the page unchanged, in both formats and both encodings, and no series appears twice',
  share: 2,
  inputs: fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 8 }),
    format: fc.constantFrom('text', 'openmetrics'),
    gzip: fc.boolean(),
  }),
  open: () => ({
    check: async ({ steps, format, gzip }) => {
      const exposition = new Exposition({ render: async () => OWN });
      const store = new StateStore(exposition);
      const watched: { readonly tag: WatchedTag; readonly key: string }[] = [];
      const repositories = new Map<string, Repository>();
      for (const each of steps) {
        take(each, store, watched, repositories);
        if (each.at % 3 === 0) await exposition.scrape({ format, gzip });
      }
      const { chunks, length } = await exposition.scrape({ format, gzip });
      const bytes = Buffer.concat(chunks);
      requireEqual(bytes.length, length, 'the length of the page');
      const text = (gzip ? gunzipSync(bytes) : bytes).toString();
      const samples = readPage(text, format === 'openmetrics');
      const labelsOf = (family: string) => samples.filter(({ name }) => name === family).map(({ labels }) => labels);
      const shown = labelsOf('acr_scan_tag_status').map(keyOf);
      requireEqual(shown.sort(), watched.map(({ key }) => key).sort(), 'the tags on the page');
      requireErrors(
        labelsOf('acr_scan_tag_last_error_info').map(({ code }) => code),
        watched,
      );
      return watched.length === 0 ? 'an empty page' : 'the labels';
    },
  }),
});

function take(
  { kind, at, names, code, status }: Step,
  store: StateStore,
  watched: { readonly tag: WatchedTag; readonly key: string }[],
  repositories: Map<string, Repository>,
): void {
  if (kind === 'add') add(names, store, watched, repositories);
  const index = at % Math.max(1, watched.length);
  const chosen = watched[index];
  if (chosen === undefined || kind === 'add') return;
  if (kind === 'remove') {
    store.remove(chosen.tag);
    watched.splice(index, 1);
    return;
  }
  const events: Readonly<Record<'answer' | 'fail' | 'summary', TagEvent>> = {
    answer: { type: 'answered', status, scanService: code },
    fail: { type: 'failed', error: { code, message: 'no', requestId: '', timeMs: NOW_MS } },
    summary: { type: 'summary', vulnerabilities: { high: at, medium: 0, low: 1, unknown: 0 } },
  };
  store.apply(chosen.tag, events[kind], { nowMs: NOW_MS + at, monotonicMs: at });
}

function add(
  [instanceId, namespace, name, tag]: Step['names'],
  store: StateStore,
  watched: { readonly tag: WatchedTag; readonly key: string }[],
  repositories: Map<string, Repository>,
): void {
  const key = keyOf({
    instance_id: asShown(instanceId),
    repo_namespace: asShown(namespace),
    repo_name: asShown(name),
    tag: asShown(tag),
  });
  const place = JSON.stringify([instanceId, namespace, name]);
  if (watched.some(({ tag: { target } }) => isSame(target, place, tag))) return;
  const repository = repositories.get(place) ?? {
    instanceId,
    namespace,
    name,
    id: name,
    domain: 'r.example.com',
    vulnerabilities: true,
  };
  repositories.set(place, repository);
  watched.push({ key, tag: store.add({ repository, tag, digest: name, scanTaskId: '' }, NOW_MS) });
}

function isSame(
  { repository: { instanceId, namespace, name }, tag }: WatchedTag['target'],
  place: string,
  other: string,
): boolean {
  return tag === other && JSON.stringify([instanceId, namespace, name]) === place;
}

function keyOf({ instance_id, repo_namespace, repo_name, tag }: Readonly<Record<string, string | undefined>>): string {
  return JSON.stringify([instance_id, repo_namespace, repo_name, tag]);
}

/** UTF-8 has no halves of characters: what they are written as must not be what another text is. */
function asShown(text: string): string {
  return text.replace(
    /\p{Surrogate}|\ufffd(?=d[89a-f][0-9a-f][0-9a-f]|fffd)/gu,
    (each) => `\ufffd${each.charCodeAt(0).toString(16)}`,
  );
}

function requireErrors(shown: readonly (string | undefined)[], watched: readonly { readonly tag: WatchedTag }[]): void {
  const codes = watched.flatMap(({ tag }) =>
    tag.state.lastError === undefined ? [] : [asShown(tag.state.lastError.code)],
  );
  requireEqual([...shown].sort(), codes.sort(), 'the codes of errors');
}
