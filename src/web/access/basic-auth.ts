// The Authorization header of HTTP basic authentication (RFC 7617).

/** User and password as a header says them, or undefined when it is no such header. */
export function credentialsIn(header: string | undefined): { user: string; password: string } | undefined {
  const [, encoded] = /^basic +([\w+/=-]+) *$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
