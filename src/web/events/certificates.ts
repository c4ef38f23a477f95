// The certificates that signatures of EventBridge are compared with: fetched from where EventBridge keeps them, and kept.
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../util/clock.ts';

/** Gives the text of a certificate. Rejects with a message for the log. */
export type FetchCertificate = (url: string) => Promise<string>;

const KEPT_MS = 86_400_000;
/** EventBridge has one for each region. */
const MAX_KEPT = 32;
/** A sender with the token, but without the key, can name any number of certificates that do not exist. */
const MAX_FETCHES = 10;
const FETCHES_WITHIN_MS = 60_000;

/** Names of letters, digits, `.`, `_` and `-`, of which none is `.` or `..`: what every parser of URLs leaves as it is. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)+$/;
const MAX_URL_LENGTH = 512;

/** Where EventBridge keeps the certificates of a region. The name before the first dot is a bucket, and anybody may own another one. */
export function certificateOrigin(region: string): string {
  return `https://${region}-eventbridge.oss-accelerate.aliyuncs.com`;
}

export type CertificatesOptions = {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly fetch: FetchCertificate;
  readonly originOf?: (region: string) => string;
};

/** There is no certificate to compare with: nothing that the sender of an event has done. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

type Kept = { readonly key: Promise<KeyObject>; readonly fromMs: number };

export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #kept = new Map<string, Kept>();
  #fetchedMs: number[] = [];
  #origins: readonly string[] = [];

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /** Sets the regions whose certificates count. */
  setRegions(regions: Iterable<string>): void {
    const { originOf = certificateOrigin } = this.#options;
    this.#origins = [...new Set(regions)].map(originOf);
  }

  /** Whether a URL is one of a certificate of EventBridge in one of the regions, letter by letter. */
  isTrusted(url: string): boolean {
    if (url.length > MAX_URL_LENGTH) return false;
    return this.#origins.some((origin) => url.startsWith(origin) && PATH.test(url.slice(origin.length)));
  }

  /** The public key at a trusted URL. Rejects with {@link CertificateError}. */
  keyAt(url: string): Promise<KeyObject> {
    const nowMs = this.#options.clock.monotonic();
    const kept = this.#kept.get(url);
    if (kept !== undefined && nowMs - kept.fromMs < KEPT_MS) return kept.key;
    this.#fetchedMs = this.#fetchedMs.filter((eachMs) => nowMs - eachMs < FETCHES_WITHIN_MS);
    if (this.#fetchedMs.length >= MAX_FETCHES)
      return Promise.reject(new CertificateError('too many certificates were asked for within a minute'));
    this.#fetchedMs.push(nowMs);
    const key = this.#fetch(url);
    this.#keep(url, { key, fromMs: nowMs });
    return key;
  }

  #keep(url: string, kept: Kept): void {
    this.#kept.delete(url);
    this.#kept.set(url, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    kept.key.catch(() => {
      if (this.#kept.get(url) === kept) this.#kept.delete(url);
    });
  }

  async #fetch(url: string): Promise<KeyObject> {
    try {
      // The connection to a known host vouches for the certificate, so its dates and its own signature do not matter.
      const key = createPublicKey(await this.#options.fetch(url));
      if (key.asymmetricKeyType !== 'rsa') throw new Error('expected one with an RSA key');
      return key;
    } catch (error) {
      throw new CertificateError(`the certificate of the signature cannot be fetched: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** `fetch` says only that it failed, and has the reason as the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
