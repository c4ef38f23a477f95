// The sockets that systemd opens for a service and hands over, by the protocol of sd_listen_fds.

/** A socket that is open already, by its number. */
export type OpenSocket = { readonly fd: number };

/** systemd numbers them from here. */
const FIRST_FD = 3;

/** The sockets for this process, as `LISTEN_PID` and `LISTEN_FDS` say. Throws an error if there are none. */
export function systemdSockets(env: Readonly<Record<string, string | undefined>>, pid: number): OpenSocket[] {
  const { LISTEN_PID = '', LISTEN_FDS = '' } = env;
  const count = LISTEN_PID === String(pid) && /^\d{1,3}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : 0;
  if (count === 0)
    throw new Error('--web.systemd-socket: expected sockets of a systemd unit for this process, found none');
  return Array.from({ length: count }, (_, index) => ({ fd: FIRST_FD + index }));
}
