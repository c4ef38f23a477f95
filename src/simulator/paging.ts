// Pages of lists as the real API cuts them.
import { ApiFailure } from './failure.ts';
import type { Parameters } from './parameters.ts';

export const FIRST_PAGE = 1;
const DEFAULT_PAGE_SIZE = 30;
const LARGEST_PAGE_SIZE = 100;

/** A page of a list; the total is a text, as in the real API. */
export type Page<Item> = {
  readonly items: readonly Item[];
  readonly PageNo: number;
  readonly PageSize: number;
  readonly TotalCount: string;
};

/** The page that PageNo (from 1) and PageSize (at most 100, more is taken as 100) ask for. */
export function pageOf<Item>(all: readonly Item[], parameters: Parameters): Page<Item> {
  const number = positiveInteger('PageNo', parameters.PageNo, FIRST_PAGE);
  const size = Math.min(LARGEST_PAGE_SIZE, positiveInteger('PageSize', parameters.PageSize, DEFAULT_PAGE_SIZE));
  const items = all.slice((number - FIRST_PAGE) * size, (number - FIRST_PAGE + 1) * size);
  return { items, PageNo: number, PageSize: size, TotalCount: String(all.length) };
}

function positiveInteger(name: string, text: string | undefined, otherwise: number): number {
  if (!text) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new ApiFailure(`Invalid${name}`, 400, `The specified parameter ${name} is not valid.`);
}
