// Which of the two exposition formats, and which encoding, a scraper gets.

import Negotiator from 'negotiator';
import type { ExpositionFormat } from '../model/metrics-page.ts';

const MEDIA_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4',
  openmetrics: 'application/openmetrics-text; version=1.0.0',
};

/** Parameters that do not decide about the format: the page is UTF-8, and its names need no escaping in any scheme. */
const INDIFFERENT_PARAMETERS = /;\s*(?:escaping|charset)\s*=\s*(?:"[^"]*"|[^;,\s]*)/gi;

/** The format that an Accept header prefers; text when it prefers none or accepts neither. */
export function preferredFormat(accept: string | undefined): ExpositionFormat {
  const headers = accept === undefined ? {} : { accept: accept.replace(INDIFFERENT_PARAMETERS, '') };
  const best = new Negotiator({ headers }).mediaType(Object.values(MEDIA_TYPES));
  return best === MEDIA_TYPES.openmetrics ? 'openmetrics' : 'text';
}

/** Whether an Accept-Encoding header prefers gzip to the plain page. */
export function prefersGzip(acceptEncoding: string | undefined): boolean {
  const headers = acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding };
  return new Negotiator({ headers }).encoding(['gzip', 'identity']) === 'gzip';
}
