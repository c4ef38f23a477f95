// Closes connections of clients that do not read their answer, and so frees the memory of the answer.
import type { ServerResponse } from 'node:http';

/** Longer than a pause of a congested network, and short enough that such clients do not pile up. */
export const STALL_MS = 30_000;
/** Twice the longest usual scrape timeout. */
export const ANSWER_MS = 120_000;

export type Deadlines = {
  /** The longest time without a byte read by the client. */
  readonly stallMs: number;
  /** The longest time from the end of the request to the last byte. */
  readonly answerMs: number;
};

/** Watches an answer until it ends. */
export function watchAnswer(response: ServerResponse, { stallMs, answerMs }: Deadlines): void {
  const { socket } = response.req;
  const overall = setTimeout(() => socket.destroy(), answerMs).unref();
  // The timeout restarts whenever the system takes bytes from the socket. Before the first bytes the client is not the one to blame.
  response.setTimeout(stallMs, () => {
    if (response.headersSent) socket.destroy();
    else socket.setTimeout(stallMs);
  });
  response.on('close', () => clearTimeout(overall));
}
