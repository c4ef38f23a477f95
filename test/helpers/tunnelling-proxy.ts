// A proxy on loopback that opens a tunnel for each CONNECT.
import { connect, type Socket } from 'node:net';

/**
 * Serves the connections of a proxy.
 *
 * @param heads gets the head of each request
 */
export function tunnelling(heads: string[] = []) {
  return (socket: Socket): void => {
    let head = '';
    const read = (chunk: Buffer) => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      heads.push(head);
      const [, host = '', port = ''] = /^CONNECT (\S+):(\d+) /.exec(head) ?? [];
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('close', () => onward.destroy());
    };
    socket.on('data', read);
    socket.on('error', () => {});
  };
}
