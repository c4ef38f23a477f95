// Ends connections of clients that do not take their answer, and with them what was kept ready for them.
import type { ServerResponse } from 'node:http';

/** Longer than a congested network pauses, shorter than it takes to pile clients up. */
export const STALL_MS = 30_000;
/** Twice the longest scrape timeout that anybody uses. */
export const ANSWER_MS = 120_000;

export type Deadlines = {
  /** How long a client may take not one byte of its answer. */
  readonly stallMs: number;
  /** How long it may take from the end of its request to the last byte. */
  readonly answerMs: number;
};

/** Watches an answer until it is over. */
export function watchAnswer(response: ServerResponse, { stallMs, answerMs }: Deadlines): void {
  const { socket } = response.req;
  const overall = setTimeout(() => socket.destroy(), answerMs).unref();
  // The socket counts anew whenever the system took bytes from it. Before there are any the client does not make us wait, we it.
  response.setTimeout(stallMs, () => {
    if (response.headersSent) socket.destroy();
    else socket.setTimeout(stallMs);
  });
  response.on('close', () => clearTimeout(overall));
}
