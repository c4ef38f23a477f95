// Which alerts of a job Prometheus had over a time, and from when to when each of them lasted.
import type { Prometheus } from './prometheus.ts';

/** What an alert is about; a repository as NAMESPACE/NAME. */
export type AlertSubject = { readonly alertname: string; readonly repository?: string; readonly tag?: string };

/** One time that an alert was there without a break, pending or firing. */
export class Episode {
  readonly alertname: string;
  readonly repository: string;
  readonly tag: string;
  /** The first moment at which it was there. */
  readonly beganMs: number;
  /** The last moment at which it was there. */
  lastMs = 0;
  fires = false;

  constructor({ alertname = '', repo_namespace = '', repo_name = '', tag = '' }: Labels, beganMs: number) {
    this.alertname = alertname;
    this.repository = repo_name === '' ? '' : `${repo_namespace}/${repo_name}`;
    this.tag = tag;
    this.beganMs = beganMs;
  }

  isAbout({ alertname, repository = '', tag = '' }: AlertSubject): boolean {
    return this.alertname === alertname && this.repository === repository && this.tag === tag;
  }

  toString(): string {
    const subject = [this.alertname, this.repository, this.tag].filter((part) => part !== '').join(' ');
    return `${subject} (${clock(this.beganMs)} to ${clock(this.lastMs)}${this.fires ? ', firing' : ''})`;
  }
}

/** The time of day in UTC, with tenths of a second. */
export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 21);
}

type Labels = Readonly<Record<string, string>>;

/** Reads the alerts of a job between two moments, with a look every `stepMs`, which is how often the rules are evaluated. */
export async function readEpisodes(
  prometheus: Prometheus,
  job: string,
  fromMs: number,
  toMs: number,
  stepMs: number,
): Promise<readonly Episode[]> {
  const read = (selector: string) => prometheus.range(selector, fromMs, toMs, stepMs);
  const firingAt = new Map(
    (await read(`ALERTS{job="${job}",alertstate="firing"}`)).map(({ metric, values }) => [keyOf(metric), values]),
  );
  const episodes: Episode[] = [];
  for (const { metric, values } of await read(`ALERTS_FOR_STATE{job="${job}"}`)) {
    let activeSince: number | undefined;
    for (const [atMs, since] of values) {
      // An alert that ends and begins again has another time, in whole seconds.
      if (activeSince !== since) episodes.push(new Episode(metric, atMs));
      activeSince = since;
      const episode = episodes.at(-1);
      if (episode === undefined) continue;
      episode.lastMs = atMs;
      episode.fires ||= firingAt.get(keyOf(metric))?.has(atMs) ?? false;
    }
  }
  return episodes;
}

/** An alert without the name of its series and its state. */
function keyOf({ __name__: _name, alertstate: _state, ...labels }: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1)));
}
