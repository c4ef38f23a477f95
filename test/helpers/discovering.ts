// Discovery around a scripted API and a manual clock, with a registry that answers what a test does not answer itself.
import type { ExecutionContext } from 'ava';
import { createScriptedPipeline, type Pending } from './scripted-pipeline.ts';

/** From the end of a pass to the next. */
export const INTERVAL_MS = 300_000;

export type Tag = {
  readonly tag: string;
  readonly digest?: string;
  readonly updatedMs?: number;
  readonly isDeleting?: boolean;
};

/** What the registry has: tags by the name of the repository, whose id is `crr-NAME`; or repositories with ids of their own. */
export type Registry =
  | Readonly<Record<string, readonly Tag[]>>
  | readonly { readonly id: string; readonly name: string; readonly isGone?: boolean; readonly tags: readonly Tag[] }[];

/** Everything runs, and every request waits until the test answers it or lets a registry do so. */
export function discovering(t: ExecutionContext, options: Parameters<typeof createScriptedPipeline>[0] = {}) {
  const pipeline = createScriptedPipeline(options);
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  void pipeline.scheduler.run(stop.signal);
  const { clock, pending } = pipeline;
  return {
    ...pipeline,
    /** Answers one request as a registry would. */
    answerFrom,
    /** Answers everything that is asked now, until nothing more is; `intercept` may answer in place of the registry. */
    async settle(registry: Registry, intercept: (request: Pending) => boolean = () => false): Promise<Pending[]> {
      const asked: Pending[] = [];
      for (let idle = 0; idle < 3; ) {
        await clock.advance(0);
        const requests = pending.splice(0);
        idle = requests.length === 0 ? idle + 1 : 0;
        for (const each of requests) {
          asked.push(each);
          if (!intercept(each)) answerFrom(registry, each);
        }
      }
      return asked;
    },
  };
}

function answerFrom(registry: Registry, { action, request, answer }: Pending): void {
  const repositories = Array.isArray(registry)
    ? registry
    : Object.entries(registry).map(([name, tags]) => ({ id: `crr-${name}`, name, tags }));
  const from = (Number(request.pageNo ?? 1) - 1) * 100;
  const page = <Item>(all: readonly Item[]) => all.slice(from, from + 100);
  if (action === 'GetRepoTagScanStatus') answer.status('COMPLETE');
  else if (action === 'ListRepository') answer.repositories(page(repositories), repositories.length);
  else {
    const tags = repositories.find(({ id }) => id === request.repoId)?.tags;
    if (tags === undefined) answer.error('REPO_NOT_EXIST', 'answered');
    else answer.tags(page(tags), tags.length);
  }
}

export const tags = (...names: readonly string[]): Tag[] => names.map((tag) => ({ tag }));

/** `vFROM` and so on, so many. */
export const many = (from: number, count: number): Tag[] =>
  Array.from({ length: count }, (_, index) => ({ tag: `v${from + index}` }));

export const listings = (asked: readonly Pending[]) => asked.filter(({ action }) => action.startsWith('List'));

export const polledTags = (asked: readonly Pending[]) =>
  asked.filter(({ action }) => action === 'GetRepoTagScanStatus').map(({ request }) => String(request.tag));
