// Checks passwords: the first time by bcrypt, from then on by comparing with what was right.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FairQueue } from '../fair-queue.ts';
import { Bcrypt } from './bcrypt.ts';

/** A tenth of a second each: whoever comes new waits for seconds, not for minutes, behind everybody else's wrong passwords. */
const MOST_WAITING = { mostEach: 8, most: 64 };

export type Claim = {
  readonly user: string;
  readonly password: string;
  /** Who says so: nobody's checks keep another client's waiting. */
  readonly client: string;
};

/** What was right: a password is kept only as a code under a key that ends with the process. */
type Proof = { readonly hash: string; readonly code: Buffer };

export class Passwords {
  readonly #key = randomBytes(32);
  readonly #bcrypt = new Bcrypt();
  readonly #queue = new FairQueue(MOST_WAITING);
  /** One for each user at most. */
  readonly #proofs = new Map<string, Proof>();
  readonly #underWay = new Map<string, Promise<boolean>>();
  #hashes: ReadonlyMap<string, string> = new Map();

  /** Puts other users in force. What was proven of users whose hash stays remains so. */
  setHashes(hashes: ReadonlyMap<string, string>): void {
    this.#hashes = hashes;
    for (const [user, { hash }] of this.#proofs) if (hashes.get(user) !== hash) this.#proofs.delete(user);
  }

  /** Whether the claim was found right before and still is: costs microseconds. */
  isProven({ user, password }: Claim): boolean {
    const proof = this.#proofs.get(user);
    return proof !== undefined && timingSafeEqual(proof.code, this.#code(user, proof.hash, password));
  }

  /**
   * Whether the claim is right, which takes as long for a user who does not exist as for a wrong password. The same claim is checked once
   * however many make it at a time. Rejects with QueueFullError when too many checks are waiting.
   */
  check({ user, password, client }: Claim): Promise<boolean> {
    const known = this.#hashes.get(user);
    const hash = known ?? this.#hashInstead(user);
    const code = this.#code(user, hash, password);
    const mark = code.toString('base64');
    const running = this.#underWay.get(mark);
    if (running) return running;
    const result = this.#queue
      .add(client, () => this.#bcrypt.compare(password, hash))
      .then((isRight) => {
        // The hash may be another one by now.
        const isAdmitted = isRight && known !== undefined && this.#hashes.get(user) === hash;
        if (isAdmitted) this.#proofs.set(user, { hash, code });
        return isAdmitted;
      })
      .finally(() => this.#underWay.delete(mark));
    this.#underWay.set(mark, result);
    return result;
  }

  close(): void {
    this.#bcrypt.close();
  }

  /** For a user who does not exist the hash of one who does, always the same: it costs what hashes here cost. */
  #hashInstead(user: string): string {
    const hashes = [...this.#hashes.values()];
    const pick = this.#code(user).readUInt32BE() % hashes.length;
    return hashes[pick] ?? '';
  }

  #code(...texts: readonly string[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(texts)).digest();
  }
}
