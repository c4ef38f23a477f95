// Who may come in, and how: what a web configuration file comes to.
import type { TlsOptions } from 'node:tls';

/** What is demanded of certificates of clients. */
export type ClientPolicy = {
  /** Whether a client must send one. */
  readonly isRequired: boolean;
  /** Whether one that is sent must lead to a known authority and be in date. */
  readonly isVerified: boolean;
  /** The subject alternative names of which a certificate must have one; undefined: any will do. */
  readonly allowedNames: ReadonlySet<string> | undefined;
};

export type TlsSettings = { readonly options: TlsOptions; readonly clients: ClientPolicy };

export type WebSettings = {
  /** Undefined: HTTP without encryption. */
  readonly tls: TlsSettings | undefined;
  /** Headers that the operator wants on every answer. */
  readonly headers: ReadonlyMap<string, string>;
  /** The bcrypt hash of each user's password; empty: everyone may come in. */
  readonly passwordHashes: ReadonlyMap<string, string>;
};

/** What holds without a web configuration file. */
export const OPEN_SETTINGS: WebSettings = { tls: undefined, headers: new Map(), passwordHashes: new Map() };
