// The schema of the configuration file: it validates the file, fills in defaults, converts values to the types of config.ts, and becomes the
// JSON schema for editors. uniqueness.ts checks what must be unique in the file.
import { z } from 'zod';
import { formatDuration } from '../util/duration.ts';
import { strictMap } from '../util/yaml/schema.ts';
import type { Config } from './config.ts';
import { credentialsSchema } from './credentials-schema.ts';
import { count, duration, listOf, rate, truth } from './fields.ts';
import { always, instanceSchema, withDefaultVulnerabilities } from './instance-schema.ts';

const metricsSchema = strictMap({
  per_tag: z.enum(['full', 'problems', 'none'], { error: 'full, problems or none' }).prefault('full').meta({
    description:
      'Which tags have series of their own: all; those that are not complete, whose last poll failed or that have high findings; none.',
  }),
}).transform(({ per_tag: perTag }) => ({ perTag }));

const rateLimitSchema = strictMap({
  requests_per_second: rate().prefault('5').meta({ description: 'Requests started a second; may be below 1.' }),
  max_concurrent: count().prefault('4').meta({ description: 'Requests under way at once.' }),
}).transform((keys) => ({ requestsPerSecond: keys.requests_per_second, maxConcurrent: keys.max_concurrent }));

const intervalsSchema = strictMap({
  scanning: duration().prefault('15s').meta({ description: 'For tags that are SCANNING or RETRYING.' }),
  complete: duration().prefault('10m').meta({ description: 'For tags whose scan is COMPLETE.' }),
  failed: duration().prefault('10m').meta({ description: 'For tags whose scan FAILED.' }),
  not_scanned: duration().prefault('10m').meta({ description: 'For tags of which the image was never scanned.' }),
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
  max: duration().prefault('10m').meta({ description: 'The longest wait; at least initial.' }),
})
  .superRefine(requireOrder, always)
  .transform(({ initial, max }) => ({ initialMs: initial, maxMs: max }));

export const configSchema = strictMap({
  credentials: credentialsSchema.prefault({ type: 'default' }).meta({
    description:
      'Credentials for every instance without its own. Default: those whose variables are set, else a profile or the ECS role.',
  }),
  rate_limit: rateLimitSchema.prefault({}).meta({
    description: 'For each set of credentials, over all its instances and operations.',
  }),
  request_timeout: duration(3_600_000)
    .prefault('10s')
    .meta({ description: 'From sending a request to its last byte.' }),
  intervals: intervalsSchema.prefault({}).meta({ description: 'From the end of a poll to the next.' }),
  backoff: backoffSchema.prefault({}).meta({ description: 'Waits after errors, for each tag.' }),
  metrics: metricsSchema.prefault({}).meta({ description: 'What is shown to Prometheus.' }),
  vulnerabilities: truth()
    .prefault('true')
    .meta({ description: 'Whether to ask what the scans found, where nothing else is said.' }),
  discovery_interval: duration()
    .prefault('5m')
    .meta({ description: 'From the end of a pass over an instance to the next.' }),
  max_tags: count().prefault('100000').meta({
    description: 'Beyond so many watched tags, of those that are discovered only the newest are watched.',
  }),
  instances: listOf('instance', instanceSchema).meta({ description: 'Instances of Container Registry to watch.' }),
})
  .meta({ title: 'Configuration of acr-scan-exporter' })
  .transform(
    ({ rate_limit: rateLimit, request_timeout: requestTimeoutMs, vulnerabilities, instances, ...rest }): Config => {
      const { discovery_interval: discoveryIntervalMs, max_tags: maxTags, ...same } = rest;
      return {
        ...same,
        rateLimit,
        requestTimeoutMs,
        discoveryIntervalMs,
        maxTags,
        instances: instances.map((instance) => withDefaultVulnerabilities(instance, vulnerabilities)),
      };
    },
  );

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
