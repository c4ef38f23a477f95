// Listening addresses as Prometheus components write them: `:9090`, `127.0.0.1:9090`, `[::1]:0`.

/** Where to listen. Without a host on all interfaces, IPv6 and IPv4; port 0 picks a free one. */
export type ListenAddress = { readonly host: string | undefined; readonly port: number };

/** Reads `[HOST]:PORT`, with IPv6 addresses in brackets; undefined when the text is none. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([\da-fA-F:.%\w]+)\]|([^\s:[\]/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return undefined;
  return { host: match[1] || match[2] || undefined, port };
}

/** `HOST:PORT`, with IPv6 addresses in brackets. */
export function formatListenAddress({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
