// The problems by repository, the worst first. Each number leads to its tags.
import {
  type Overview,
  PROBLEMS,
  type ProblemSummary,
  type RepositoryProblem,
  type RepositoryRow,
  repositoryName,
} from '../overview.ts';
import { repositoryView } from './findings.ts';
import { countText } from './texts.ts';
import { addressOf, EVERYTHING, type SectionProps } from './view.ts';

/** Title and colour. */
const KINDS: Readonly<Record<RepositoryProblem, { readonly title: string; readonly kind: string }>> = {
  failed: { title: 'failed', kind: 'status-failed' },
  stuck: { title: 'stuck', kind: 'status-scanning' },
  stale: { title: 'stale', kind: 'status-retrying' },
  unknown: { title: 'unknown', kind: 'status-unknown' },
  errors: { title: 'poll errors', kind: 'status-failed' },
  high: { title: 'high', kind: 'severity-high' },
  not_scanned: { title: 'not scanned', kind: 'status-not_scanned' },
};

/** The worst repositories, for the top of the page. */
export function WorstRepositories({ overview, problems }: Omit<SectionProps, 'view'>) {
  const { repositories, worst } = problems;
  return (
    <section class="worst" aria-labelledby="problems-heading">
      <h2 id="problems-heading">
        Problems by repository
        {repositories > worst.length ? (
          <a class="more" href={addressOf({ ...EVERYTHING, byRepository: true })}>
            all {countText(repositories, 'repository', 'repositories')}
          </a>
        ) : null}
      </h2>
      {worst.length === 0 ? (
        <p class="ok">No repository has a problem.</p>
      ) : (
        <RepositoryTable {...{ overview, problems }} />
      )}
    </section>
  );
}

type TableProps = { readonly overview: Overview; readonly problems: ProblemSummary };

/** Columns in which no shown repository has a problem are left out. */
export function RepositoryTable({ overview, problems: { worst } }: TableProps) {
  const columns = PROBLEMS.filter((problem) => worst.some(({ problems }) => problems[problem] > 0));
  return (
    <table class="problems">
      <caption class="hidden">Repositories with problems, the worst first</caption>
      <thead>
        <tr>
          <th scope="col">Repository</th>
          {columns.map((problem) => (
            <th key={problem} scope="col" class="number">
              {KINDS[problem].title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {worst.map((row) => (
          <Row key={`${row.instanceId} ${repositoryName(row)}`} {...{ row, columns, overview }} />
        ))}
      </tbody>
    </table>
  );
}

type RepositoryRowProps = {
  readonly row: RepositoryRow;
  readonly columns: readonly RepositoryProblem[];
  readonly overview: Overview;
};

function Row({ row, columns, overview }: RepositoryRowProps) {
  const name = repositoryName(row);
  const instance = overview.instances > 1 ? row.instanceId : '';
  return (
    <tr>
      <th scope="row">
        <a href={addressOf({ ...EVERYTHING, repository: name, instance })}>
          <bdi>{name}</bdi>
        </a>
        {instance === '' ? null : (
          <>
            {' '}
            <bdi class="detail-inline">{instance}</bdi>
          </>
        )}
      </th>
      {columns.map((problem) => {
        const count = row.problems[problem];
        const { title, kind } = KINDS[problem];
        return (
          <td key={problem} class="number" data-label={title}>
            {count === 0 ? null : (
              <a
                class={`count-link ${kind}`}
                data-title={title}
                href={addressOf(repositoryView(row, problem, overview))}
              >
                {count.toLocaleString('en-US')}
                <span class="hidden"> {title}</span>
              </a>
            )}
          </td>
        );
      })}
    </tr>
  );
}
