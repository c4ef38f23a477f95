// What a request line asks for, in each of the forms that HTTP allows (RFC 9112, section 3.2).

export type RequestTarget = { readonly path: string; readonly parameters: URLSearchParams };

/** `/path?query`. A fragment has no place here; what looks like one is part of neither. */
const ORIGIN_FORM = /^(\/[^?#]*)(?:\?([^#]*))?/;
/** What clients of a proxy send: `http://host/path?query`. Whatever the host, it is us that it reached. */
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]+(\/[^?#]*)?(?:\?([^#]*))?/i;

/** Reads the target of a request; `*`, which asks about the server as a whole, is its own path. Undefined when it is in none of the forms. */
export function readRequestTarget(url: string): RequestTarget | undefined {
  if (url === '*') return { path: url, parameters: new URLSearchParams() };
  const match = ORIGIN_FORM.exec(url) ?? (URL.canParse(url) ? ABSOLUTE_FORM.exec(url) : null);
  if (match === null) return undefined;
  const [, path = '/', query = ''] = match;
  return { path, parameters: new URLSearchParams(query) };
}
