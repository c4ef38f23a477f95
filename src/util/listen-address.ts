// Listen addresses in the format of Prometheus components: `:9090`, `127.0.0.1:9090`, `[::1]:0`.

/** Without a host: all interfaces, IPv6 and IPv4. Port 0: any free port. */
export type ListenAddress = { readonly host: string | undefined; readonly port: number };

/** Reads `[HOST]:PORT`, with IPv6 addresses in brackets; undefined for any other text. */
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
