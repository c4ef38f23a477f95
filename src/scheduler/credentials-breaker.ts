// Whether a set of credentials is refused, and when the next request may try it again. Pure: the time is an argument.

const FIRST_PROBE_DELAY_MS = 5_000;
const MAX_PROBE_DELAY_MS = 300_000;

/** While credentials are refused, their tasks wait, and one probe at a time is sent. Times are monotonic milliseconds. */
export class CredentialsBreaker {
  /** When the credentials were first refused; undefined while they are accepted. */
  #sinceMs: number | undefined;
  #probeAtMs = 0;
  /** When the last accepted request was sent, or the credentials were replaced. A refusal of an earlier request is ignored. */
  #acceptedMs = Number.NEGATIVE_INFINITY;
  #delayMs = FIRST_PROBE_DELAY_MS;

  get isRefused(): boolean {
    return this.#sinceMs !== undefined;
  }

  /** When the next probe may start. Valid only while refused. */
  get probeAtMs(): number {
    return this.#probeAtMs;
  }

  /**
   * The API refused the credentials, or there are none.
   *
   * @param sentAtMs when the refused request was sent: if a later one was accepted, it had older credentials
   */
  recordRefusal(sentAtMs: number, nowMs: number): void {
    if (this.#sinceMs !== undefined || sentAtMs < this.#acceptedMs) return;
    this.#sinceMs = nowMs;
    this.#delayMs = FIRST_PROBE_DELAY_MS;
    this.#probeAtMs = nowMs + FIRST_PROBE_DELAY_MS;
  }

  /** A probe was not accepted. The next one waits twice as long. */
  probeFailed(nowMs: number): void {
    this.#delayMs = Math.min(MAX_PROBE_DELAY_MS, 2 * this.#delayMs);
    this.#probeAtMs = nowMs + this.#delayMs;
  }

  /** The credentials were replaced: results of earlier requests no longer count. */
  replaced(nowMs: number): void {
    this.#acceptedMs = Math.max(this.#acceptedMs, nowMs);
    if (this.#sinceMs !== undefined) this.#sinceMs = nowMs;
    this.probeNow(nowMs);
  }

  /** The secret has changed: the next probe may start at once. If it fails, the delays start again: those before were of another secret. */
  probeNow(nowMs: number): void {
    this.#delayMs = FIRST_PROBE_DELAY_MS / 2;
    this.#probeAtMs = nowMs;
  }

  /**
   * A request was accepted with the credentials.
   *
   * @param sentAtMs when it was sent: a request from before the refusal does not count
   * @returns whether this ends a refusal
   */
  recordAcceptance(sentAtMs: number): boolean {
    if (this.#sinceMs !== undefined && sentAtMs < this.#sinceMs) return false;
    const wasRefused = this.isRefused;
    this.#acceptedMs = Math.max(this.#acceptedMs, sentAtMs);
    this.#sinceMs = undefined;
    return wasRefused;
  }
}
