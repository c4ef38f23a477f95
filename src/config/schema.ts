// The schema of the configuration file: it validates the file, fills in defaults, converts values to the types of config.ts, and becomes the
// JSON schema for editors. uniqueness.ts checks what must be unique in the file.
import { z } from 'zod';
import { DIRECT } from '../model/connection-settings.ts';
import { formatDuration } from '../util/duration.ts';
import { strictMap } from '../util/yaml/schema.ts';
import type { Config } from './config.ts';
import { connectionKeys, connectionRules, proxyOf, requireOneProxy } from './connection-schema.ts';
import { credentialsSchema } from './credentials-schema.ts';
import { eventsSchema } from './events-schema.ts';
import { count, duration, listOf, rate, truth } from './fields.ts';
import { always, instanceSchema, withDefaults } from './instance-schema.ts';
import { replicasSchema } from './replicas-schema.ts';

const metricsSchema = strictMap({
  per_tag: z.enum(['full', 'problems', 'none'], { error: 'full, problems or none' }).prefault('full').meta({
    description:
      'Which tags have their own series: full: all; problems: tags that are not complete, whose last poll failed or that have vulnerabilities of high severity; none: none.',
  }),
}).transform(({ per_tag: perTag }) => ({ perTag }));

const rateLimitSchema = strictMap({
  requests_per_second: rate().prefault('5').meta({ description: 'Requests started per second; may be below 1.' }),
  max_concurrent: count().prefault('4').meta({ description: 'Requests under way at once.' }),
}).transform((keys) => ({ requestsPerSecond: keys.requests_per_second, maxConcurrent: keys.max_concurrent }));

const intervalsSchema = strictMap({
  scanning: duration().prefault('15s').meta({ description: 'For tags that are SCANNING or RETRYING.' }),
  complete: duration().prefault('10m').meta({ description: 'For tags whose scan is COMPLETE.' }),
  failed: duration().prefault('10m').meta({ description: 'For tags whose scan FAILED.' }),
  not_scanned: duration().prefault('10m').meta({ description: 'For tags whose image was never scanned.' }),
}).transform(({ scanning, complete, failed, not_scanned: notScanned }) => ({
  scanningMs: scanning,
  completeMs: complete,
  failedMs: failed,
  notScannedMs: notScanned,
}));

const backoffSchema = strictMap({
  initial: duration()
    .prefault('5s')
    .meta({ description: 'After the first error of a tag; doubles with each further one.' }),
  max: duration().prefault('10m').meta({ description: 'The longest delay; at least initial.' }),
})
  .superRefine(requireOrder, always)
  .transform(({ initial, max }) => ({ initialMs: initial, maxMs: max }));

export const configSchema = strictMap({
  credentials: credentialsSchema.prefault({ type: 'default' }).meta({
    description:
      'Credentials of every instance without its own. Default: those whose environment variables are set, else a profile or the ECS role.',
  }),
  rate_limit: rateLimitSchema.prefault({}).meta({
    description: 'The rate limit of each set of credentials, over all its instances and operations.',
  }),
  request_timeout: duration(3_600_000)
    .prefault('10s')
    .meta({ description: 'From sending a request to the last byte of its answer.' }),
  intervals: intervalsSchema
    .prefault({})
    .meta({ description: 'From the end of a poll to the next, by the status of the tag.' }),
  backoff: backoffSchema.prefault({}).meta({ description: 'The delay of a tag after an error.' }),
  metrics: metricsSchema.prefault({}).meta({ description: 'Which series there are.' }),
  vulnerabilities: truth().prefault('true').meta({
    description: 'Whether to request the vulnerabilities that scans found; repositories and rules can overrule it.',
  }),
  discovery_interval: duration()
    .prefault('5m')
    .meta({ description: 'From the end of a discovery run over an instance to the next.' }),
  max_tags: count().prefault('100000').meta({
    description: 'The limit on watched tags: if there are more, only the newest of the discovered tags are watched.',
  }),
  events: eventsSchema.prefault({}).meta({ description: 'How events of the registry are used.' }),
  ...connectionKeys,
  replicas: replicasSchema.optional().meta({
    description: 'Several exporters share the work and the quota over Redis. Default: this one does all.',
  }),
  instances: listOf('instance', instanceSchema).meta({ description: 'Instances of Container Registry to watch.' }),
})
  .superRefine(requireOneProxy, always)
  .meta({ title: 'Configuration of acr-scan-exporter', allOf: connectionRules })
  .transform((keys): Config => {
    const connection = { proxy: proxyOf(keys) ?? DIRECT.proxy, tls: keys.tls ?? DIRECT.tls };
    const defaults = { vulnerabilities: keys.vulnerabilities, connection };
    return {
      credentials: keys.credentials,
      rateLimit: keys.rate_limit,
      requestTimeoutMs: keys.request_timeout,
      intervals: keys.intervals,
      backoff: keys.backoff,
      metrics: keys.metrics,
      discoveryIntervalMs: keys.discovery_interval,
      maxTags: keys.max_tags,
      events: keys.events,
      connection,
      replicas: keys.replicas,
      instances: keys.instances.map((instance) => withDefaults(instance, defaults)),
    };
  });

/** A value that is invalid by itself is not a number. */
function requireOrder(keys: unknown, context: z.core.$RefinementCtx): void {
  const { initial, max }: { initial?: unknown; max?: unknown } = Object(keys);
  if (typeof initial !== 'number' || typeof max !== 'number' || max >= initial) return;
  context.addIssue({
    code: 'custom',
    message: 'a max that is at least initial',
    params: { found: `initial ${formatDuration(initial)} and max ${formatDuration(max)}` },
  });
}
