// The pages of lists, as in the real API: by number, or by token when a request has MaxResults or a NextToken.
import { ApiFailure } from './api-errors.ts';
import type { Parameters } from './parameters.ts';

export const FIRST_PAGE = 1;
const DEFAULT_PAGE_SIZE = 30;
const MAX_PAGE_SIZE = 100;
/** The lists that can be read by token at a time. With one more, the oldest is forgotten. */
const MAX_OPEN_LISTS = 1_000;

/** Whether an instance pages by token too, or ignores MaxResults and NextToken as an older API does. */
export const PAGINGS = ['tokens', 'pages'] as const;
export type Paging = (typeof PAGINGS)[number];

/** Fields of an answer, with their names in the API. */
export type Fields = Readonly<Record<string, unknown>>;

/** A list at one moment. Only the items of a page are described. */
export type List = { readonly length: number; readonly slice: (from: number, to: number) => readonly Fields[] };

/** A page of a list. The total is a text, as in the real API. */
export type ListPage = {
  readonly items: readonly Fields[];
  readonly fields:
    | { readonly PageNo: number; readonly PageSize: number; readonly TotalCount: string }
    | { readonly MaxResults: number; readonly NextToken?: string; readonly TotalCount: string };
};

/** Cuts lists into pages. A list that is read by token stays as it was at its first page. */
export class Pager {
  readonly #paging: Paging;
  readonly #open = new Map<string, List>();
  #opened = 0;

  constructor(paging: Paging) {
    this.#paging = paging;
  }

  /** The page of a list that a request names. A page has at most 100 items, even when the request says more. */
  pageOf(list: List, parameters: Parameters): ListPage {
    const { MaxResults: maxResults, NextToken: token } = parameters;
    const isByToken = this.#paging === 'tokens' && Boolean(maxResults || token);
    return isByToken ? this.#byToken(list, parameters) : pageByNumber(list, parameters);
  }

  #byToken(list: List, { MaxResults: maxResults, NextToken: token }: Parameters): ListPage {
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
    if (this.#open.size > MAX_OPEN_LISTS && !oldest.done) this.#open.delete(oldest.value);
    return id;
  }
}

/** The page with the PageNo and the PageSize of a request. */
export function pageByNumber(list: List, parameters: Parameters): ListPage {
  const number = positiveInteger('PageNo', parameters.PageNo, FIRST_PAGE);
  const size = sizeOf('PageSize', parameters.PageSize);
  const items = list.slice((number - FIRST_PAGE) * size, (number - FIRST_PAGE + 1) * size);
  return { items, fields: { PageNo: number, PageSize: size, TotalCount: String(list.length) } };
}

type TokenPosition = { readonly id: string; readonly from: number };

/** Tokens are opaque to clients, and have characters that a query must escape. */
function tokenOf({ id, from }: TokenPosition): string {
  return `${Buffer.from(`${id}:${from}`).toString('base64')}+/==`;
}

function placeOf(token: string): TokenPosition {
  const [id = '', from = ''] = Buffer.from(token.replace(/\+\/==$/, ''), 'base64')
    .toString()
    .split(':');
  if (!/^\d{1,15}$/.test(from)) throw invalid('NextToken');
  return { id, from: Number(from) };
}

function sizeOf(name: string, text: string | undefined): number {
  return Math.min(MAX_PAGE_SIZE, positiveInteger(name, text, DEFAULT_PAGE_SIZE));
}

function positiveInteger(name: string, text: string | undefined, otherwise: number): number {
  if (!text) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw invalid(name);
}

function invalid(parameter: string): ApiFailure {
  return new ApiFailure(`Invalid${parameter}`, 400, `The specified parameter ${parameter} is not valid.`);
}
