// Short answers in words.
import type { Context } from 'koa';

/** Answers with a line of text, or several. */
export function answerPlainly(ctx: Context, status: number, text: string): void {
  ctx.status = status;
  ctx.type = 'text/plain; charset=utf-8';
  ctx.body = `${text}\n`;
}
