// The families of the exporter itself, as a table: API requests, discovery, schedulers, build, configuration, storage and replicas.

import { REPOSITORY_FAMILIES, TAG_FAMILIES } from './tag-families.ts';

export type FamilyType = 'gauge' | 'counter' | 'histogram';

/** A family as the documentation lists it. The labels of a histogram are without `le`. */
export type FamilyOutline = { readonly name: string; readonly type: FamilyType; readonly labels: readonly string[] };

export type SelfFamily = FamilyOutline & { readonly help: string; readonly buckets?: readonly number[] };

export const SELF_FAMILIES = {
  scanDuration: {
    name: 'acr_scan_duration_seconds',
    type: 'histogram',
    help: 'How long scans took, as polls see them: from the first answer with a running scan to the first answer after its end.',
    labels: ['instance_id'],
    buckets: [15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200],
  },
  requests: {
    name: 'acr_api_requests_total',
    type: 'counter',
    help: 'Requests sent to the ACR API.',
    labels: ['instance_id', 'action'],
  },
  requestErrors: {
    name: 'acr_api_request_errors_total',
    type: 'counter',
    help: 'Requests to the ACR API that failed, by error code.',
    labels: ['instance_id', 'action', 'code'],
  },
  requestDuration: {
    name: 'acr_api_request_duration_seconds',
    type: 'histogram',
    help: 'How long requests to the ACR API took from sending to the parsed answer, whatever the outcome.',
    labels: ['instance_id', 'action'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  discoveryTags: {
    name: 'acr_discovery_tags',
    type: 'gauge',
    help: 'Image tags of an instance that are watched because discovery found them.',
    labels: ['instance_id'],
  },
  discoveryTruncated: {
    name: 'acr_discovery_truncated',
    type: 'gauge',
    help: 'Whether image tags that discovery found are left out because there are more than max_tags: 1 or 0.',
    labels: ['instance_id'],
  },
  discoverySuccess: {
    name: 'acr_discovery_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the last successful discovery run over an instance ended: one that listed everything that the credentials may list.',
    labels: ['instance_id'],
  },
  discoveryRuleRepositories: {
    name: 'acr_discovery_rule_repositories',
    type: 'gauge',
    help: 'Repositories that a discovery rule, numbered from 1 in the order of the configuration, matched in the last successful run; 0 if it matched no tag.',
    labels: ['instance_id', 'rule'],
  },
  discoveryDuration: {
    name: 'acr_discovery_duration_seconds',
    type: 'histogram',
    help: 'How long discovery runs took, with or without success.',
    labels: [],
    buckets: [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
  },
  events: {
    name: 'acr_events_total',
    type: 'counter',
    help: 'Events of the registry that arrived, by what became of them.',
    labels: ['instance_id', 'type', 'channel', 'outcome'],
  },
  eventsMissed: {
    name: 'acr_events_missed_total',
    type: 'counter',
    help: 'Ends of scans that polls found and no event announced within a minute.',
    labels: ['instance_id'],
  },
  eventsHealthy: {
    name: 'acr_events_healthy',
    type: 'gauge',
    help: 'Whether events stand in for polls of complete tags: 1 or 0.',
    labels: ['instance_id'],
  },
  eventsDelay: {
    name: 'acr_events_delay_seconds',
    type: 'histogram',
    help: 'From the time of an event to the moment when the answer about its tag is applied.',
    labels: ['instance_id', 'channel'],
    buckets: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600],
  },
  running: {
    name: 'acr_scheduler_running',
    type: 'gauge',
    help: 'Whether the tags under these credentials are being scheduled: 1 or 0.',
    labels: ['credentials'],
  },
  dueTags: {
    name: 'acr_scheduler_due_tags',
    type: 'gauge',
    help: 'Tags that are due to be polled now.',
    labels: ['credentials', 'class'],
  },
  oldestDue: {
    name: 'acr_scheduler_oldest_due_seconds',
    type: 'gauge',
    help: 'How overdue the longest overdue tag is.',
    labels: ['credentials', 'class'],
  },
  requestsInFlight: {
    name: 'acr_scheduler_requests_in_flight',
    type: 'gauge',
    help: 'Requests to the ACR API that are under way.',
    labels: ['credentials'],
  },
  rateLimit: {
    name: 'acr_scheduler_rate_limit_requests_per_second',
    type: 'gauge',
    help: 'Requests a second that are allowed: as configured, and at present, which is less after throttling.',
    labels: ['credentials', 'kind'],
  },
  paused: {
    name: 'acr_scheduler_paused',
    type: 'gauge',
    help: 'Whether requests are paused (1) or not (0): refused credentials, or a delay that the API asked for.',
    labels: ['credentials', 'reason'],
  },
  internalErrors: {
    name: 'acr_scan_exporter_internal_errors_total',
    type: 'counter',
    help: 'Errors in the code of the exporter itself, which it caught and logged.',
    labels: ['component'],
  },
  credentialsInfo: {
    name: 'acr_scan_exporter_credentials_info',
    type: 'gauge',
    help: 'Which provider and identity sign the requests; always 1. Absent while there are no credentials.',
    labels: ['credentials', 'provider', 'identity'],
  },
  buildInfo: {
    name: 'acr_scan_exporter_build_info',
    type: 'gauge',
    help: 'What is running; always 1.',
    labels: ['version', 'revision', 'node_version', 'sdk'],
  },
  logLinesDropped: {
    name: 'acr_scan_exporter_log_lines_dropped_total',
    type: 'counter',
    help: 'Log lines that were lost because the reader of the log was too slow or gone.',
    labels: [],
  },
  reloadSuccessful: {
    name: 'acr_scan_exporter_config_last_reload_successful',
    type: 'gauge',
    help: 'Whether the last attempt to load the configuration succeeded.',
    labels: [],
  },
  reloadTime: {
    name: 'acr_scan_exporter_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the configuration was last loaded with success.',
    labels: [],
  },
  saveSuccessful: {
    name: 'acr_scan_exporter_state_last_save_successful',
    type: 'gauge',
    help: 'Whether the last attempt to save the state of the tags succeeded: 1 or 0. Only with --storage.path, after the first attempt.',
    labels: [],
  },
  saveTime: {
    name: 'acr_scan_exporter_state_last_save_timestamp_seconds',
    type: 'gauge',
    help: 'When the state of the tags was last saved with success. Nothing is saved while nothing changes.',
    labels: [],
  },
  saveDuration: {
    name: 'acr_scan_exporter_state_save_duration_seconds',
    type: 'gauge',
    help: 'How long the last attempt to save took, with or without success.',
    labels: [],
  },
  restoredTags: {
    name: 'acr_scan_exporter_state_restored_tags',
    type: 'gauge',
    help: 'Image tags whose state was restored from --storage.path at the start.',
    labels: [],
  },
  replicaMembers: {
    name: 'acr_replica_members',
    type: 'gauge',
    help: 'Replicas that took part in the group at the last exchange with Redis.',
    labels: [],
  },
  replicaMaxMembers: {
    name: 'acr_replica_max_members',
    type: 'gauge',
    help: 'How many replicas may take part in the group: replicas.max of the configuration.',
    labels: [],
  },
  replicaJoined: {
    name: 'acr_replica_joined',
    type: 'gauge',
    help: 'Whether this replica takes part in the group: 1 or 0. 0 before it has joined, and while the group is full.',
    labels: [],
  },
  replicaRepositories: {
    name: 'acr_replica_repositories',
    type: 'gauge',
    help: 'Repositories that this replica watches.',
    labels: [],
  },
  replicaTags: {
    name: 'acr_replica_tags',
    type: 'gauge',
    help: 'Image tags that this replica watches.',
    labels: [],
  },
  replicaShare: {
    name: 'acr_replica_rate_share_ratio',
    type: 'gauge',
    help: 'The part of the rate limit that this replica may use now, from 0 to 1.',
    labels: ['credentials'],
  },
  replicaRedisConnected: {
    name: 'acr_replica_redis_connected',
    type: 'gauge',
    help: 'Whether the last exchange with Redis succeeded: 1 or 0.',
    labels: [],
  },
  replicaLastExchange: {
    name: 'acr_replica_last_exchange_timestamp_seconds',
    type: 'gauge',
    help: 'When the last exchange with Redis succeeded.',
    labels: [],
  },
  replicaConfigDiffers: {
    name: 'acr_replica_config_differs',
    type: 'gauge',
    help: 'Other replicas whose configuration has differed from that of this one for a minute.',
    labels: [],
  },
  replicaUnwrittenTags: {
    name: 'acr_replica_unwritten_tags',
    type: 'gauge',
    help: 'Image tags whose present state is not in Redis yet.',
    labels: [],
  },
} as const satisfies Record<string, SelfFamily>;

/** Gauges of prom-client with names that end in `_total`, which is for counters only. */
export const MISNAMED_DEFAULTS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
] as const;

/** All families except those of the process and its runtime (`process_*`, `nodejs_*`). */
export function allFamilies(): readonly FamilyOutline[] {
  return [...REPOSITORY_FAMILIES, ...TAG_FAMILIES, ...Object.values(SELF_FAMILIES)].map(({ name, type, labels }) => ({
    name,
    type,
    labels,
  }));
}
