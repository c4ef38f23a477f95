// The style sheet and script of the page, read once. Their addresses change with their content.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const CSS_PATH = '/assets/page.css';
const JS_PATH = '/assets/page.js';

/** There only when a webhook is configured. */
export const EVENTS_PATH = '/api/v1/events';

/** All paths except that of the metrics, which must be another one. */
export const FIXED_PATHS = [
  '/',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/api/v1/targets',
  EVENTS_PATH,
  CSS_PATH,
  JS_PATH,
] as const;

export type Asset = { readonly path: string; readonly type: string; readonly body: string };

export type PageAssets = {
  readonly all: readonly Asset[];
  /** Addresses relative to the page, with a hash of the content, so that browsers may cache them forever. */
  readonly css: string;
  readonly js: string;
};

/** Reads the files from the folder `assets` beside this module. */
export function loadAssets(): PageAssets {
  const css = read(CSS_PATH, 'text/css; charset=utf-8');
  const js = read(JS_PATH, 'text/javascript; charset=utf-8');
  return { all: [css, js], css: addressOf(css), js: addressOf(js) };
}

function read(path: string, type: string): Asset {
  return { path, type, body: readFileSync(new URL(`.${path}`, import.meta.url), 'utf8') };
}

function addressOf({ path, body }: Asset): string {
  return `.${path}?v=${createHash('sha256').update(body).digest('hex').slice(0, 12)}`;
}
