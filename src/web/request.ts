// What a request asks for: path and parameters, format and encoding of the metrics, and whether a page of another site sends it.
import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import type { ExpositionFormat, PageSelection } from '../model/metrics-page.ts';

export type RequestTarget = { readonly path: string; readonly parameters: URLSearchParams };

/** `/path?query`. A fragment is not allowed here; text that looks like one belongs to neither path nor query. */
const ORIGIN_FORM = /^(\/[^?#]*)(?:\?([^#]*))?/;
/** `http://host/path?query`, as clients send it to a proxy. The host does not matter: the request reached this server. */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]+(\/[^?#]*)?(?:\?([^#]*))?/i;

/**
 * The path below the prefix that all paths of the exporter have: `/metrics` of `/acr/metrics`. Undefined for a path that is not below it.
 *
 * @param prefix empty, or a path without a slash at its end
 */
export function pathBelow(prefix: string, path: string | undefined): string | undefined {
  return path?.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}

/**
 * Reads the target of a request line in each of the forms of HTTP (RFC 9112, section 3.2). `*`, which stands for the whole server, is
 * returned as the path. Undefined for text in none of the forms.
 */
export function readRequestTarget(url: string): RequestTarget | undefined {
  if (url === '*') return { path: url, parameters: new URLSearchParams() };
  const match = ORIGIN_FORM.exec(url) ?? (URL.canParse(url) ? ABSOLUTE_FORM.exec(url) : null);
  if (match === null) return undefined;
  const [, path = '/', query = ''] = match;
  return { path, parameters: new URLSearchParams(query) };
}

/** The part of the page of metrics that the parameters `name[]` and `instance_id` ask for, each once or several times. */
export function readSelection(parameters: URLSearchParams): PageSelection {
  const allOf = (name: string) => (parameters.has(name) ? new Set(parameters.getAll(name)) : undefined);
  return { names: allOf('name[]'), instanceIds: allOf('instance_id') };
}

const MEDIA_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4',
  openmetrics: 'application/openmetrics-text; version=1.0.0',
};

/** Parameters that do not change the format: the page is UTF-8, and its names need no escaping in any scheme. */
const IGNORED_PARAMETERS = /;\s*(?:escaping|charset)\s*=\s*(?:"[^"]*"|[^;,\s]*)/gi;

/** The format that an Accept header prefers; text when it prefers none or accepts neither. */
export function preferredFormat(accept: string | undefined): ExpositionFormat {
  const headers = accept === undefined ? {} : { accept: accept.replace(IGNORED_PARAMETERS, '') };
  const best = new Negotiator({ headers }).mediaType(Object.values(MEDIA_TYPES));
  return best === MEDIA_TYPES.openmetrics ? 'openmetrics' : 'text';
}

/** Whether an Accept-Encoding header prefers gzip to the plain page. */
export function prefersGzip(acceptEncoding: string | undefined): boolean {
  const headers = acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding };
  return new Negotiator({ headers }).encoding(['gzip', 'identity']) === 'gzip';
}

/** `none`: the user of the browser sent the request, for example from the address bar. */
const SAME_SITE = ['same-origin', 'none'];

/**
 * Whether a page of another site makes a browser send the request. Newer browsers send `Sec-Fetch-Site` where they trust the connection,
 * and all of them send `Origin` with a POST. Programs send neither and are not affected.
 *
 * @param externalOrigin of the URL under which browsers reach the exporter, if that is known
 */
export function isCrossSite(
  { 'sec-fetch-site': site, origin, host }: IncomingHttpHeaders,
  externalOrigin: string | undefined,
): boolean {
  if (site !== undefined) return !SAME_SITE.includes(String(site));
  // A proxy may send another Host than the browser does.
  if (origin === undefined || origin === externalOrigin) return false;
  return origin.replace(/^https?:\/\//i, '').toLowerCase() !== host?.toLowerCase();
}
