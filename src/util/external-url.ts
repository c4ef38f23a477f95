// The URL under which others reach the exporter, and the prefix of its paths, as `--web.external-url` and `--web.route-prefix` of Prometheus.

/** Characters of a path that need no encoding. Quotes are left out: they are there by mistake of a shell or a unit file. */
const SEGMENT = /^[\w.~!$&()*+,;=:@-]+$/;

/**
 * Reads an `http` or `https` URL, or a path alone that starts with `/`, both without user, query and fragment. Undefined for any other text.
 *
 * @returns the text without slashes at its end: `https://example.com/acr`, `/acr`, or empty for `/`
 */
export function parseExternalUrl(text: string): string | undefined {
  if (text.startsWith('/')) return parseRoutePrefix(text);
  if (!/^https?:\/\/[^\s'"?#\\/][^\s'"?#\\]*$/i.test(text) || !URL.canParse(text)) return undefined;
  const { origin, pathname, username, password } = new URL(text);
  return username + password === '' ? origin + pathname.replace(/\/+$/, '') : undefined;
}

/** The path of an external URL, as {@link parseExternalUrl} returns it, without a slash at its end. */
export function pathOf(externalUrl: string): string {
  return externalUrl.replace(/^https?:\/\/[^/]*/, '');
}

/**
 * Reads a prefix with or without slashes at its ends. Undefined for text that no client can send as a path.
 *
 * @returns `/acr`, or empty for `/`
 */
export function parseRoutePrefix(text: string): string | undefined {
  const segments = text.replace(/^\/+|\/+$/g, '').split('/');
  if (segments.join('') === '') return segments.length === 1 ? '' : undefined;
  // Clients remove dot segments from a path before they send it.
  const isReachable = segments.every((segment) => SEGMENT.test(segment) && !/^\.{1,2}$/.test(segment));
  return isReachable ? `/${segments.join('/')}` : undefined;
}
