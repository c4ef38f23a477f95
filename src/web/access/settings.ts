// The settings of a web configuration file.
import type { TlsOptions } from 'node:tls';
import type { RateLimit } from './rate-limit.ts';

/** The requirements on client certificates. */
export type ClientPolicy = {
  /** Whether a client must send a certificate. */
  readonly isRequired: boolean;
  /** Whether it must be signed by a known authority and be in date. */
  readonly isVerified: boolean;
  /** The certificate must have one of these subject alternative names; undefined for any. */
  readonly allowedNames: ReadonlySet<string> | undefined;
};

export type TlsSettings = { readonly options: TlsOptions; readonly clients: ClientPolicy };

export type WebSettings = {
  /** Undefined: HTTP without encryption. */
  readonly tls: TlsSettings | undefined;
  /** Headers of every answer. */
  readonly headers: ReadonlyMap<string, string>;
  /** The bcrypt hash of each user's password; empty for access without password. */
  readonly passwordHashes: ReadonlyMap<string, string>;
  /** The limit on the requests of all clients together; undefined for none. */
  readonly rateLimit: RateLimit | undefined;
};

/** The settings without a web configuration file. */
export const OPEN_SETTINGS: WebSettings = {
  tls: undefined,
  headers: new Map(),
  passwordHashes: new Map(),
  rateLimit: undefined,
};
