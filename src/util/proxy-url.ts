// Reads the URL of a proxy, which may have a user and a password.

export type ProxyUrl = {
  readonly protocol: 'http:' | 'https:';
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** The value of the header `Proxy-Authorization`; undefined without a user. */
  readonly authorization: string | undefined;
  /** What must not be shown: the password, and the user with it in all their forms. */
  readonly secrets: readonly string[];
  /** For people: without user and password. */
  readonly shown: string;
};

/** What {@link parseProxyUrl} takes, for messages. */
export const PROXY_URL_EXPECTED = 'a URL such as http://proxy.example.com:3128, with http:// or https:// and no path';

/** Undefined if the text is no URL of a proxy. */
export function parseProxyUrl(text: string): ProxyUrl | undefined {
  if (!/^https?:\/\/[^\s/]/i.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname, search, hash, username, password, host } = new URL(text);
  const [user, secret] = [decoded(username), decoded(password)];
  if (pathname !== '/' || search !== '' || hash !== '' || user === undefined || secret === undefined) return undefined;
  const isHttp = protocol === 'http:';
  const hasUser = username !== '' || password !== '';
  const encoded = Buffer.from(`${user}:${secret}`).toString('base64');
  return {
    protocol: isHttp ? 'http:' : 'https:',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (isHttp ? 80 : 443) : Number(port),
    authorization: hasUser ? `Basic ${encoded}` : undefined,
    secrets: hasUser ? [secret, password, encoded, `${username}:${password}`] : [],
    shown: `${protocol}//${host}`,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
