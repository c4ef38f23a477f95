// Signs deliveries as EventBridge does (signature v2), with a key that is made at the first use and never stored.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { selfSignedCertificate } from './certificate.ts';

const KEY_BITS = 2048;
const NAME = 'acr-simulator';

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

/** What is signed. */
export type Delivered = {
  /** The URL that the event is sent to. */
  readonly url: string;
  /** Where the receiver finds the certificate. */
  readonly certificateUrl: string;
  readonly token: string;
  readonly body: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

export class EventSigner {
  #made: Keys | undefined;

  /** The certificate of the key, in PEM. */
  get certificate(): string {
    return selfSignedCertificate(NAME, this.#keys);
  }

  /** The headers of a delivery. */
  headersFor({ url, certificateUrl, token, body, nowMs }: Delivered): Readonly<Record<string, string>> {
    const headers = {
      'x-eventbridge-signature-timestamp': String(Math.floor(nowMs)),
      'x-eventbridge-hash-method': 'SHA256',
      'x-eventbridge-signature-version': '1.0',
      'x-eventbridge-signature-url': certificateUrl,
      'x-eventbridge-signature-token': token,
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    const text = [url, ...lines, body].join('\n');
    const signature = sign('sha256', Buffer.from(text), this.#keys.privateKey).toString('base64');
    return { ...headers, 'x-eventbridge-signature-v2': signature };
  }

  get #keys(): Keys {
    this.#made ??= generateKeyPairSync('rsa', { modulusLength: KEY_BITS });
    return this.#made;
  }
}
