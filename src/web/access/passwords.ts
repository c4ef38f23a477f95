// Checks passwords: the first time with bcrypt, later against a code of the verified password.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FairQueue } from '../client-limits.ts';
import { Bcrypt } from './bcrypt.ts';

/** A check takes 0.1 s: with other clients' wrong passwords in the queue, a client waits for seconds, not for minutes. */
const MAX_WAITING = { perClient: 8, total: 64 };

export type Login = {
  readonly user: string;
  readonly password: string;
  /** The address: clients take turns, so that the checks of one do not delay those of another. */
  readonly client: string;
};

/** A password that was right, kept only as an HMAC with a key that ends with the process. */
type Verified = { readonly hash: string; readonly code: Buffer };

export class Passwords {
  readonly #key = randomBytes(32);
  readonly #bcrypt = new Bcrypt();
  readonly #queue = new FairQueue(MAX_WAITING);
  /** At most one for each user. */
  readonly #verified = new Map<string, Verified>();
  readonly #underWay = new Map<string, Promise<boolean>>();
  #hashes: ReadonlyMap<string, string> = new Map();

  /** Sets the users. Passwords of users whose hash stays the same remain verified. */
  setHashes(hashes: ReadonlyMap<string, string>): void {
    this.#hashes = hashes;
    for (const [user, { hash }] of this.#verified) if (hashes.get(user) !== hash) this.#verified.delete(user);
  }

  /** Whether the password was right before and still is. Takes microseconds. */
  isVerified({ user, password }: Login): boolean {
    const verified = this.#verified.get(user);
    return verified !== undefined && timingSafeEqual(verified.code, this.#code(user, verified.hash, password));
  }

  /**
   * Whether user and password are right. Takes the same time for an unknown user as for a wrong password. The same login from several requests
   * at a time is checked once. Rejects with QueueFullError when too many checks are waiting.
   */
  check({ user, password, client }: Login): Promise<boolean> {
    const ownHash = this.#hashes.get(user);
    const hash = ownHash ?? this.#substituteHash(user);
    const code = this.#code(user, hash, password);
    const key = code.toString('base64');
    const running = this.#underWay.get(key);
    if (running) return running;
    const result = this.#queue
      .add(client, () => this.#bcrypt.compare(password, hash))
      .then((isRight) => {
        // The hash may have changed meanwhile.
        const isValid = isRight && ownHash !== undefined && this.#hashes.get(user) === hash;
        if (isValid) this.#verified.set(user, { hash, code });
        return isValid;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, result);
    return result;
  }

  close(): void {
    this.#bcrypt.close();
  }

  /** For an unknown user always the same hash of a known one, so that the check takes as long. */
  #substituteHash(user: string): string {
    const hashes = [...this.#hashes.values()];
    const pick = this.#code(user).readUInt32BE() % hashes.length;
    return hashes[pick] ?? '';
  }

  #code(...texts: readonly string[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(texts)).digest();
  }
}

/** User and password of an `Authorization` header of HTTP basic authentication (RFC 7617); undefined for any other header. */
export function credentialsIn(header: string | undefined): { user: string; password: string } | undefined {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
