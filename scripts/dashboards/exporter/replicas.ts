// The row about replicas that share the work over Redis. It is collapsed, because without replicas it is empty.
import { runbook } from '../links.ts';
import type { Section } from '../model.ts';
import { BAD, GOOD, limits, thresholds, WARNING, words } from '../palette.ts';
import { stat, table, timeSeries } from '../panels.ts';
import { select } from '../queries.ts';

const NONE = 'No replicas are known';
/** One line for each replica. */
const EACH = '{{instance}}';

const connected = select('acr_replica_redis_connected');
/** What replicas say that have an answer from Redis: others say what was so before. */
const upToDate = (family: string) => `${select(family)} and on (job, instance) ${connected} == 1`;
/** At the time of the scrape. */
const exchangedAgo = `timestamp(${select('acr_replica_last_exchange_timestamp_seconds')}) - ${select('acr_replica_last_exchange_timestamp_seconds')}`;
const shares = select('acr_replica_rate_share_ratio');

export const REPLICAS: Section = {
  title: 'Replicas',
  isCollapsed: true,
  rows: [
    [
      stat({
        title: 'Not shown here',
        description:
          'Members of the group, as Redis knows them, that are not among the selected exporters. With all exporters selected it must be 0: otherwise Prometheus does not scrape every replica, and what the others watch is missing on the dashboards and in the alerts. Without a value if there are no replicas, or none reaches Redis.',
        w: 3,
        h: 8,
        unit: 'none',
        decimals: 0,
        valueSize: 32,
        expr: `sum(clamp_min(
  max by (job) (${upToDate('acr_replica_members')})
    - on (job) sum by (job) (${select('acr_replica_joined')}), 0
))`,
        steps: thresholds(GOOD, [1, WARNING]),
        links: [runbook('AcrReplicasMissing')],
      }),
      stat({
        title: 'Redis',
        description:
          'Whether the last exchange of the selected replicas with Redis succeeded: OK if it did for all. AcrReplicasWithoutRedis alerts after a minute. Without a value if there are no replicas.',
        w: 3,
        h: 8,
        unit: 'none',
        valueSize: 32,
        expr: `min(${connected})`,
        mappings: [words({ 0: ['AWAY', BAD], 1: ['OK', GOOD] })],
        links: [runbook('AcrReplicasWithoutRedis')],
      }),
      timeSeries({
        title: 'Members',
        description:
          'Replicas that take part: as Redis knows them, those among the selected exporters, and how many may take part (`replicas.max`). AcrReplicasMissing alerts if they become fewer.',
        w: 6,
        h: 8,
        unit: 'none',
        decimals: 0,
        noValue: NONE,
        look: 'steps',
        series: {
          'in the group': `sum(max by (job) (${upToDate('acr_replica_members')}))`,
          'shown here': `sum(${select('acr_replica_joined')})`,
          'at most': `sum(max by (job) (${select('acr_replica_max_members')}))`,
        },
        overrides: [limits('/^at most$/')],
      }),
      table({
        title: 'Replicas',
        description:
          'What each replica does now. A replica that WAITS shows no tags: it has not reached Redis since its start, or the group is full (`replicas.max`). Not written: tags whose present state is not in Redis yet.',
        w: 12,
        h: 8,
        noValue: NONE,
        exprs: [
          `max by (instance) (${select('acr_replica_joined')})`,
          `max by (instance) (${connected})`,
          `max by (instance) (${exchangedAgo})`,
          `max by (instance) (${select('acr_replica_repositories')})`,
          `max by (instance) (${select('acr_replica_tags')})`,
          `max by (instance) (${select('acr_replica_unwritten_tags')})`,
        ],
        columns: [
          { field: 'instance', heading: 'Exporter' },
          {
            field: 'Value #A',
            heading: 'Member',
            width: 90,
            unit: 'none',
            properties: [
              { id: 'mappings', value: [words({ 0: ['WAITS', WARNING], 1: ['YES', GOOD] })] },
              { id: 'thresholds', value: thresholds(WARNING, [1, 'transparent']) },
              { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
            ],
          },
          {
            field: 'Value #B',
            heading: 'Redis',
            width: 80,
            unit: 'none',
            properties: [
              { id: 'mappings', value: [words({ 0: ['AWAY', BAD], 1: ['OK', GOOD] })] },
              { id: 'thresholds', value: thresholds(BAD, [1, 'transparent']) },
              { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
              { id: 'links', value: [runbook('AcrReplicasWithoutRedis')] },
            ],
          },
          { field: 'Value #C', heading: 'Exchange ago', width: 120, unit: 's' },
          { field: 'Value #D', heading: 'Repositories', width: 110, unit: 'none' },
          { field: 'Value #E', heading: 'Tags', width: 90, unit: 'none' },
          { field: 'Value #F', heading: 'Not written', width: 105, unit: 'none' },
        ],
        sortBy: 'Tags',
      }),
    ],
    [
      timeSeries({
        title: 'Tags by replica',
        description: 'Tags that each replica watches. When one goes, the others take its tags over within 20 s.',
        w: 5,
        h: 8,
        unit: 'none',
        noValue: NONE,
        look: 'stacked',
        series: { [EACH]: `max by (instance) (${select('acr_replica_tags')})` },
      }),
      timeSeries({
        title: 'Shares by replica',
        description:
          'The part of the rate limit that each replica may use, on average over the sets of credentials. It follows what is due. While Redis is away each has 1 ÷ `replicas.max`.',
        w: 5,
        h: 8,
        unit: 'percentunit',
        max: 1,
        noValue: NONE,
        look: 'stacked',
        series: { [EACH]: `avg by (instance) (${shares})` },
      }),
      timeSeries({
        title: 'Shares in all',
        description:
          'The sum of the shares of the selected replicas, for each set of credentials. It is at most 100 %, and for a moment less when replicas join or leave. Replicas are scraped one after the other: a share that moves between two scrapes can be counted twice for one interval.',
        w: 5,
        h: 8,
        unit: 'percentunit',
        noValue: NONE,
        series: { '{{credentials}}, {{job}}': `sum by (job, credentials) (${shares})` },
      }),
      timeSeries({
        title: 'Time since last exchange',
        description:
          'How long before the scrape a replica last had an answer from Redis: normally up to 2 s. The line is at 15 s, where the others take over what it watches, unless Redis is away for all.',
        w: 5,
        h: 8,
        unit: 's',
        noValue: NONE,
        limit: 15,
        series: { [EACH]: `max by (instance) (${exchangedAgo})` },
      }),
      timeSeries({
        title: 'Tags not written',
        description:
          'Tags whose present state is not in Redis yet. A replica writes once a second, so a number that stays high means that Redis is away, full or too slow. If the replica dies meanwhile, its last changes are found again by polls.',
        w: 4,
        h: 8,
        unit: 'none',
        noValue: NONE,
        series: { [EACH]: `max by (instance) (${select('acr_replica_unwritten_tags')})` },
      }),
    ],
  ],
};
