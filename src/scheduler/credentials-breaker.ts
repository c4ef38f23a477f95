// Whether a set of credentials is refused, and when the next request may try it again. Pure: time comes in.

const FIRST_PROBE_MS = 5_000;
const LONGEST_PROBE_MS = 300_000;

/** While credentials are refused everything under them waits but for one probe at a time. Times are monotonic milliseconds. */
export class CredentialsBreaker {
  /** When the credentials were first refused; undefined while they are good. */
  #sinceMs: number | undefined;
  #probeAtMs = 0;
  /** What was sent before this was sent with older credentials: when the last accepted request was sent, or they were replaced. */
  #acceptedMs = Number.NEGATIVE_INFINITY;
  #delayMs = FIRST_PROBE_MS;

  get refused(): boolean {
    return this.#sinceMs !== undefined;
  }

  /** When the next probe may start. Means something only while refused. */
  get probeAtMs(): number {
    return this.#probeAtMs;
  }

  /**
   * The API refused the credentials, or there are none.
   *
   * @param sentAtMs when the refused request was sent: when a later one was accepted, it went out with older credentials
   */
  refusedAt(sentAtMs: number, nowMs: number): void {
    if (this.#sinceMs !== undefined || sentAtMs < this.#acceptedMs) return;
    this.#sinceMs = nowMs;
    this.#delayMs = FIRST_PROBE_MS;
    this.#probeAtMs = nowMs + FIRST_PROBE_MS;
  }

  /** A probe did not settle the matter: the next one waits twice as long. */
  probeFailed(nowMs: number): void {
    this.#delayMs = Math.min(LONGEST_PROBE_MS, 2 * this.#delayMs);
    this.#probeAtMs = nowMs + this.#delayMs;
  }

  /** Other credentials have taken the place of these: what the API says of requests that were sent before is not about them. */
  replaced(nowMs: number): void {
    this.#acceptedMs = Math.max(this.#acceptedMs, nowMs);
    this.#delayMs = FIRST_PROBE_MS;
    this.#probeAtMs = nowMs;
    if (this.#sinceMs !== undefined) this.#sinceMs = nowMs;
  }

  /** The secret has changed: the next probe may start at once. */
  probeNow(nowMs: number): void {
    this.#probeAtMs = nowMs;
  }

  /**
   * A request was accepted with the credentials.
   *
   * @param sentAtMs when it was sent: before the refusal it proves nothing
   * @returns whether this ends a refusal
   */
  accepted(sentAtMs: number): boolean {
    if (this.#sinceMs !== undefined && sentAtMs < this.#sinceMs) return false;
    const wasRefused = this.refused;
    this.#acceptedMs = Math.max(this.#acceptedMs, sentAtMs);
    this.#sinceMs = undefined;
    return wasRefused;
  }
}
