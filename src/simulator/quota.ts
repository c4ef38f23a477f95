// The quota: the requests per second that an access key may send to an operation, with a token bucket for each pair.
import { apiFailure } from './api-errors.ts';
import type { QuotaSettings } from './scenario.ts';

type Bucket = { tokens: number; filledAtMs: number };

/** The token buckets of a quota. Without a quota every request is allowed. */
export class TokenBuckets {
  readonly #quota: QuotaSettings | undefined;
  readonly #buckets = new Map<string, Bucket>();

  constructor(quota: QuotaSettings | undefined) {
    this.#quota = quota;
  }

  /** Takes a token for a request at `nowMs` (monotonic). Throws `Throttling.User` when the bucket is empty. */
  take(accessKeyId: string, action: keyof QuotaSettings['operations'], nowMs: number): void {
    if (!this.#quota) return;
    const { requests_per_second: rate, burst } = this.#quota.operations[action] ?? this.#quota;
    const size = burst ?? Math.max(1, Math.ceil(rate));
    const id = JSON.stringify([accessKeyId, action]);
    const bucket = this.#buckets.get(id) ?? { tokens: size, filledAtMs: nowMs };
    bucket.tokens = Math.min(size, bucket.tokens + ((nowMs - bucket.filledAtMs) * rate) / 1000);
    bucket.filledAtMs = nowMs;
    this.#buckets.set(id, bucket);
    if (bucket.tokens < 1) throw apiFailure('Throttling.User', { retryAfterMs: this.#quota.retry_after });
    bucket.tokens -= 1;
  }
}
