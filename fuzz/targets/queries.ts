// Request targets and their queries, as far as the pages and lists of targets that are made of them.
import fc from 'fast-check';
import { loadAssets } from '../../src/web/assets.ts';
import type { TargetRow } from '../../src/web/overview.ts';
import { renderPage } from '../../src/web/page/page.tsx';
import { addressOf, orderOf, queryOf, readView } from '../../src/web/page/view.ts';
import { readRequestTarget } from '../../src/web/request.ts';
import { ParameterError, readTargetQuery, selectOrderedTargets, selectTargets } from '../../src/web/target-query.ts';
import { renderTargets } from '../../src/web/targets-api.ts';
import { requireEqual, requireFitMessage, requireNoSecret } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { anyText, madeOf, repeated } from '../texts.ts';
import { overviewOf, problemsOf, targetRow } from '../web-rows.ts';

const PIECES = [
  ...[
    '/',
    '/api/v1/targets',
    '?',
    '&',
    '=',
    '#',
    '%',
    '%00',
    '%2',
    '%FF',
    '%2F',
    '+',
    '..',
    '//',
    'http://',
    'x',
    '@',
    ':',
    '[',
    ']',
    '\\',
    '*',
  ],
  ...['status=', 'severity=', 'source=', 'q=', 'limit=', 'offset=', 'sort=', 'order=', 'page='],
  ...[
    'failed',
    'unknown',
    'high',
    'listed',
    'discovered',
    'desc',
    'tag',
    'constructor',
    '__proto__',
    '0',
    '1',
    '-1',
    '1e3',
    '999999999999999',
    '٣',
    '<b>',
  ],
];
const parameter = fc
  .tuple(
    fc.constantFrom('status', 'severity', 'source', 'q', 'limit', 'offset', 'sort', 'order', 'page', 'x'),
    fc.oneof(madeOf(PIECES.slice(-16), 2), anyText(12)),
  )
  .map(([name, value]) => `${name}=${new URLSearchParams([['', value]]).toString().slice(1)}`);
const urls = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('/?', '/api/v1/targets?', 'http://x/?'), fc.array(parameter, { maxLength: 5 }))
      .map(([path, list]) => path + list.join('&')),
  },
  { weight: 2, arbitrary: madeOf(PIECES, 14) },
  { weight: 1, arbitrary: anyText() },
  { weight: 1, arbitrary: repeated(PIECES, 16_000) },
);

const name = fc.oneof(
  anyText(12),
  fc.constantFrom('<script>', '"onload="', '</td>', '&amp;', 'javascript:alert(1)', '\u202e', '__proto__'),
);
const rows: fc.Arbitrary<readonly TargetRow[]> = fc.array(
  fc
    .record({
      instanceId: name,
      repoNamespace: name,
      repoName: name,
      repoId: name,
      tag: name,
      digest: name,
      status: fc.constantFrom('complete', 'failed', 'unknown', 'scanning'),
      message: fc.option(name, { nil: undefined }),
      high: fc.nat({ max: 3 }),
    })
    .map(({ message, high, ...names }) =>
      targetRow({
        ...names,
        vulnerabilities: { high, medium: 0, low: 0, unknown: 0 },
        lastError: message === undefined ? undefined : { code: 'SystemError', message, requestId: message, timeMs: 0 },
      }),
    ),
  { maxLength: 4 },
);

const STATUSES = ['scanning', 'retrying', 'complete', 'failed', 'not_scanned', 'unknown'];

export const queries = defineTarget({
  name: 'queries',
  sentence: 'any request target gives a page and a list of exactly the matching tags, or a clear message',
  share: 1.5,
  inputs: fc.record({ url: urls, rows }),
  open: () => {
    const assets = loadAssets();
    return {
      check: async ({ url, rows: targets }) => {
        const asked = readRequestTarget(url);
        if (asked === undefined) return 'no request target';
        // The page takes most of the time.
        if (url.length % 4 === 0) await requirePage(asked.parameters, targets, assets);
        return requireList(asked.parameters, targets);
      },
    };
  },
});

async function requirePage(
  parameters: URLSearchParams,
  targets: readonly TargetRow[],
  assets: ReturnType<typeof loadAssets>,
): Promise<void> {
  const view = readView(parameters, STATUSES);
  const address = addressOf(view);
  const { searchParams: again } = new URL(address, 'http://exporter/');
  requireEqual(readView(again, STATUSES), view, `the view of ${address}`);
  const selection = await selectOrderedTargets(targets, queryOf(view), orderOf(view));
  const page = [
    ...renderPage({ overview: overviewOf(), problems: problemsOf(), selection, tag: undefined, view, assets }),
  ].join('');
  requireNoSecret(page, 'the page');
  if (/<(?:script>|b>)|"onload="|href="javascript:/i.test(page)) throw new Error(`a name is taken for markup: ${page}`);
}

async function requireList(parameters: URLSearchParams, targets: readonly TargetRow[]): Promise<string> {
  let query: ReturnType<typeof readTargetQuery>;
  try {
    query = readTargetQuery(parameters, STATUSES);
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    requireFitMessage(error.message, 'the message', String(parameters), Number.POSITIVE_INFINITY);
    return 'a message';
  }
  const text = [...renderTargets(await selectTargets(targets, query))].join('');
  const { status, data } = JSON.parse(text);
  const words = query.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const wanted = targets.filter((row) => isWanted(row, query, words));
  requireEqual([status, data.total], ['success', wanted.length], 'the number of targets');
  const shown = wanted.slice(query.offset, query.offset + query.limit).map(({ tag, repoName }) => [tag, repoName]);
  requireEqual(
    data.targets.map((each: { tag: string; repoName: string }) => [each.tag, each.repoName]),
    shown,
    'the targets',
  );
  return `${Math.min(shown.length, 2)}${shown.length > 2 ? ' or more' : ''} targets`;
}

function isWanted(
  row: TargetRow,
  { statuses, severities, sources }: ReturnType<typeof readTargetQuery>,
  words: readonly string[],
): boolean {
  const { instanceId, repoNamespace, repoName, tag, repoId, digest, status, lastError, vulnerabilities } = row;
  const error = lastError === undefined ? '' : `${lastError.code} ${lastError.message} ${lastError.requestId}`;
  const texts = [
    `${instanceId} ${repoNamespace}/${repoName}:${tag} ${repoId} ${digest} ${status} ${error}`.toLowerCase(),
  ];
  return (
    (statuses.length === 0 || statuses.includes(status)) &&
    (severities.length === 0 || severities.some((each) => (vulnerabilities?.[each] ?? 0) > 0)) &&
    (sources.length === 0 || sources.includes(row.source)) &&
    words.every((word) => texts.some((shown) => shown.includes(word)))
  );
}
