// What is wrong in 1,000 repositories, and what the page shows of it.
import test from 'ava';
import { RepositoryProblems } from '../../src/app/repository-problems.ts';
import type { TagPoll } from '../../src/polling/tag-poll.ts';
import { StateStore } from '../../src/state/store.ts';
import { systemClock } from '../../src/util/clock.ts';
import type { ProblemSummary, RepositoryRow } from '../../src/web/overview.ts';
import { renderPage } from '../../src/web/page/page.tsx';
import { readView, repositoryRangeOf } from '../../src/web/page/view.ts';
import { overview } from '../helpers/target-rows.ts';

const REPOSITORIES = 1_000;
const MOMENT = { nowMs: 1_000, monotonicMs: 1_000 };
const noPolls: readonly TagPoll[] = [];

/** Repository N has N % 7 failed tags, N % 5 that were never scanned, and a complete one with N % 3 vulnerabilities of high severity. */
function problemsOfMany(): RepositoryProblems {
  const store = new StateStore({
    tagAdded() {},
    tagChanged() {},
    tagRemoved() {},
    repositoryAdded() {},
    repositoryChanged() {},
    repositoryRemoved() {},
  });
  for (let number = 0; number < REPOSITORIES; number += 1) {
    const name = `app-${number}`;
    const repository = { instanceId: 'cri-1', namespace: 'shop', name, id: name, domain: '', vulnerabilities: true };
    const add = (tag: string) => store.add({ repository, tag, digest: '', scanTaskId: '' }, 0);
    const answer = (tag: string, status: 'failed' | 'not_scanned' | 'complete') => {
      const added = add(tag);
      store.apply(added, { type: 'answered', status, scanService: '' }, MOMENT);
      return added;
    };
    for (let tag = 0; tag < number % 7; tag += 1) answer(`failed-${tag}`, 'failed');
    for (let tag = 0; tag < number % 5; tag += 1) answer(`never-${tag}`, 'not_scanned');
    const vulnerabilities = { high: number % 3, medium: 9, low: 0, unknown: 0 };
    store.apply(answer('complete', 'complete'), { type: 'summary', vulnerabilities }, MOMENT);
  }
  return new RepositoryProblems({ store, clock: systemClock, polls: () => noPolls });
}

/** The page at an address, with the problems that it asks for. */
async function page(problems: RepositoryProblems, query: string): Promise<{ html: string; summary: ProblemSummary }> {
  const shown = overview();
  const view = readView(new URLSearchParams(query), Object.keys(shown.totals));
  const summary = await problems.summary(repositoryRangeOf(view));
  const pieces = renderPage({
    overview: shown,
    problems: summary,
    selection: { total: 0, rows: [] },
    tag: undefined,
    view,
    assets: { css: './page.css', js: './page.js' },
  });
  return { html: [...pieces].join(''), summary };
}

const numbersOf = ({ repoName, problems }: RepositoryRow) => {
  const { failed, high, not_scanned } = problems;
  return [Number(repoName.slice('app-'.length)), failed, high, not_scanned];
};

test('of 1,000 repositories the page shows the six worst, and all sums; the link to the others leads to all of them, 100 on a page', async (t) => {
  const problems = problemsOfMany();
  const numbers = Array.from({ length: REPOSITORIES }, (_, number) => [number, number % 7, number % 3, number % 5]);
  const worstFirst = numbers
    .filter(([, failed = 0, high = 0, never = 0]) => failed + high + never > 0)
    .sort(([, ...one], [, ...other]) => {
      const at = one.findIndex((count, index) => count !== other[index]);
      return (other[at] ?? 0) - (one[at] ?? 0);
    });
  const { html, summary } = await page(problems, '');
  t.is(summary.worst.map(numbersOf).join(' '), worstFirst.slice(0, 6).join(' '));
  t.is(html.match(/<table class="problems">.*?<\/table>/s)?.[0].match(/<th scope="row">/g)?.length, 6);
  t.true(html.includes(`<a class="more" href="./?by=repository#targets">all ${worstFirst.length} repositories</a>`));
  const sum = (column: number) => numbers.reduce((total, each) => total + (each[column] ?? 0), 0);
  const { failed, high, not_scanned, stuck } = summary.totals;
  t.deepEqual([failed.count, high.count, not_scanned.count, stuck.count], [sum(1), sum(2), sum(3), 0]);
  t.is(failed.repositories, numbers.filter(([, count]) => count !== 0).length);

  const all: (readonly number[])[] = [];
  for (let number = 1; number <= Math.ceil(worstFirst.length / 100); number += 1) {
    const one = await page(problems, `by=repository&page=${number}`);
    t.true(one.summary.worst.length <= 100);
    t.true(Buffer.byteLength(one.html) < 200_000, `${Buffer.byteLength(one.html)} bytes`);
    all.push(...one.summary.worst.map(numbersOf));
  }
  t.is(all.join(' '), worstFirst.join(' '));
});

test('each number of a repository leads to the tags that it counts, in the place of the table', async (t) => {
  const { html } = await page(problemsOfMany(), 'by=repository');
  const [table = ''] = html.match(/<table class="problems">.*?<\/table>/s) ?? [];
  const hrefs = [...table.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'));
  // The worst repository of all has each of these problems.
  const links = hrefs.slice(0, 4);
  const [, name] = /repository=shop%2F(app-\d+)#/.exec(links[0] ?? '') ?? [];
  t.deepEqual(
    links,
    ['', '&status=failed', '&severity=high', '&status=not_scanned'].map(
      (filter) => `./?repository=shop%2F${name}${filter}#targets`,
    ),
  );
});
