// Pages of lists as the real API cuts them: by number, or by token where a request has MaxResults or a NextToken.
import { ApiFailure } from './failure.ts';
import type { Parameters } from './parameters.ts';

export const FIRST_PAGE = 1;
const DEFAULT_PAGE_SIZE = 30;
const LARGEST_PAGE_SIZE = 100;
/** So many lists are read by token at a time; the one that was begun the longest ago is forgotten. */
const MOST_OPEN_LISTS = 1_000;

/** How an instance pages: an older one ignores MaxResults and NextToken. */
export const PAGINGS = ['tokens', 'pages'] as const;
export type Paging = (typeof PAGINGS)[number];

type Fields = Readonly<Record<string, unknown>>;

/** A list at one moment; its items are described only when they are asked for. */
export type List = { readonly length: number; readonly slice: (from: number, to: number) => readonly Fields[] };

/** A page of a list; the total is a text, as in the real API. */
export type Page = {
  readonly items: readonly Fields[];
  readonly fields:
    | { readonly PageNo: number; readonly PageSize: number; readonly TotalCount: string }
    | { readonly MaxResults: number; readonly NextToken?: string; readonly TotalCount: string };
};

/** Cuts lists into pages; keeps those that are read by token as they were at their first page. */
export class Pager {
  readonly #paging: Paging;
  readonly #open = new Map<string, List>();
  #opened = 0;

  constructor(paging: Paging) {
    this.#paging = paging;
  }

  /** The page of a list that a request asks for; at most 100 items, more are taken as 100. */
  pageOf(list: List, parameters: Parameters): Page {
    const { MaxResults: maxResults, NextToken: token } = parameters;
    const isByToken = this.#paging === 'tokens' && Boolean(maxResults || token);
    return isByToken ? this.#byToken(list, parameters) : byNumber(list, parameters);
  }

  #byToken(list: List, { MaxResults: maxResults, NextToken: token }: Parameters): Page {
    const size = sizeOf('MaxResults', maxResults);
    const { id, from } = token ? placeOf(token) : { id: this.#begin(list), from: 0 };
    const open = this.#open.get(id);
    if (!open) throw invalid('NextToken');
    const to = from + size;
    const next = to < open.length ? { NextToken: tokenOf({ id, from: to }) } : {};
    const fields = { MaxResults: size, ...next, TotalCount: String(open.length) };
    return { items: open.slice(from, to), fields };
  }

  #begin(list: List): string {
    this.#opened++;
    const id = String(this.#opened);
    this.#open.set(id, list);
    const oldest = this.#open.keys().next();
    if (this.#open.size > MOST_OPEN_LISTS && !oldest.done) this.#open.delete(oldest.value);
    return id;
  }
}

function byNumber(list: List, parameters: Parameters): Page {
  const number = positiveInteger('PageNo', parameters.PageNo, FIRST_PAGE);
  const size = sizeOf('PageSize', parameters.PageSize);
  const items = list.slice((number - FIRST_PAGE) * size, (number - FIRST_PAGE + 1) * size);
  return { items, fields: { PageNo: number, PageSize: size, TotalCount: String(list.length) } };
}

type Place = { readonly id: string; readonly from: number };

/** Tokens are opaque to clients, and have characters that a query must escape. */
function tokenOf({ id, from }: Place): string {
  return `${Buffer.from(`${id}:${from}`).toString('base64')}+/==`;
}

function placeOf(token: string): Place {
  const [id = '', from = ''] = Buffer.from(token.replace(/\+\/==$/, ''), 'base64')
    .toString()
    .split(':');
  if (!/^\d{1,15}$/.test(from)) throw invalid('NextToken');
  return { id, from: Number(from) };
}

function sizeOf(name: string, text: string | undefined): number {
  return Math.min(LARGEST_PAGE_SIZE, positiveInteger(name, text, DEFAULT_PAGE_SIZE));
}

function positiveInteger(name: string, text: string | undefined, otherwise: number): number {
  if (!text) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw invalid(name);
}

function invalid(parameter: string): ApiFailure {
  return new ApiFailure(`Invalid${parameter}`, 400, `The specified parameter ${parameter} is not valid.`);
}
