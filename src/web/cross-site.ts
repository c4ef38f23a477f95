// Requests that a page of another site makes a browser send: what changes something is not for those.
import type { IncomingHttpHeaders } from 'node:http';

/** `none`: the person at the browser asked for it. */
const OUR_OWN = ['same-origin', 'none'];

/**
 * Whether a browser says that a page of another site is behind a request. Newer browsers tell it in `Sec-Fetch-Site` where they trust
 * the connection, all of them send `Origin` with a POST. Programs send neither, and are not meant.
 */
export function isCrossSite({ 'sec-fetch-site': site, origin, host }: IncomingHttpHeaders): boolean {
  if (site !== undefined) return !OUR_OWN.includes(String(site));
  return origin !== undefined && origin.replace(/^https?:\/\//i, '').toLowerCase() !== host?.toLowerCase();
}
