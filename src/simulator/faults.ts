// Faults: how a scenario describes them, and which of them strikes a request.
import { z } from 'zod';
import { strictMap } from '../util/yaml/schema.ts';
import { ACTIONS, type Action } from './parameters.ts';
import { seededDraw } from './random.ts';
import { duration, integer, list, oneOf, share, text } from './scenario-fields.ts';

const MAX_BODY_BYTES = 2 ** 30;
const STATUS: Action = 'GetRepoTagScanStatus';
const LISTS: readonly Action[] = ['ListRepository', 'ListRepoTag'];
const MOMENTS = ['before_head', 'mid_body'] as const;

/** The effects of faults. Each fault has exactly one. */
const EFFECTS = [
  'error',
  'business_error',
  'status',
  'total_count',
  'next_token',
  'body',
  'reset',
  'hang',
  'drip',
] as const;
type EffectName = (typeof EFFECTS)[number];

const HEADER_NAME = /^[\w-]+$/;
const HEADER_VALUE = /^[\x20-\x7e]*$/;

const httpStatus = () => integer({ min: 200, max: 599 });
const code = () => text('an error code');

const bodySchema = strictMap({
  http_status: httpStatus().default(200),
  content_type: text('a content type').default('application/json;charset=utf-8'),
  headers: z
    .record(
      z.string().regex(HEADER_NAME),
      z.string({ error: 'text' }).regex(HEADER_VALUE, { error: 'printable ASCII' }),
      { error: 'a map of headers (letters, digits, hyphens) to their values' },
    )
    .default({})
    .describe('Further headers'),
  text: z.string({ error: 'text' }).optional(),
  bytes: integer({ min: 1, max: MAX_BODY_BYTES }).optional(),
}).refine(({ text, bytes }) => (text === undefined) !== (bytes === undefined), {
  error: 'exactly one of text, bytes',
});

const faultSchema = strictMap({
  operation: oneOf(ACTIONS).optional().describe('The operation it strikes; without it, every one'),
  instance: text().optional().describe('The id of the instance it strikes'),
  repository: text().optional().describe('The id of the repository it strikes, or NAMESPACE/NAME'),
  tag: text().optional().describe('The tag it strikes'),
  page: integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
    .optional()
    .describe('The PageNo of the lists that it strikes'),
  share: share().optional().describe('The share of the requests that it strikes'),
  from: duration().optional().describe('When it begins, after it was put in force'),
  until: duration().optional().describe('When it ends, after it was put in force'),
  first: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional().describe('How many requests it strikes in all'),
  error: strictMap({
    code: code(),
    http_status: httpStatus().optional(),
    message: text().optional(),
    retry_after: duration().optional().describe('Sent as x-acs-retry-after, in milliseconds'),
  })
    .optional()
    .describe('Answers with an error of the API'),
  business_error: strictMap({ code: code(), message: text().optional() })
    .optional()
    .describe('Answers HTTP 200 with IsSuccess: false'),
  status: text('a status').optional().describe('Answers GetRepoTagScanStatus with this status'),
  total_count: integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
    .optional()
    .describe('Answers ListRepository and ListRepoTag with this TotalCount'),
  next_token: text('a token').optional().describe('Answers ListRepository and ListRepoTag with this NextToken'),
  body: bodySchema.optional().describe('Answers with this body, or with JSON of so many bytes'),
  reset: oneOf(MOMENTS).optional().describe('Resets the connection'),
  hang: oneOf(MOMENTS).optional().describe('Leaves the connection open and sends nothing more'),
  drip: duration(1).optional().describe('Sends the answer in pieces, the last one after so long'),
})
  .refine((fault) => EFFECTS.filter((effect) => fault[effect] !== undefined).length === 1, {
    error: `exactly one of ${EFFECTS.join(', ')}`,
  })
  .refine(({ from, until }) => until === undefined || until > (from ?? 0), {
    error: 'until to be later than from',
  })
  .refine(({ status, operation }) => status === undefined || isAmong([STATUS], operation), {
    error: `the operation ${STATUS} with a status`,
  })
  .refine((fault) => !isAboutLists(fault) || isAmong(LISTS, fault.operation), {
    error: `the operation ${LISTS.join(' or ')} with a page, a total_count or a next_token`,
  });

/** The operations that a fault strikes; undefined for all. */
function operationsOf(fault: Fault): readonly Action[] | undefined {
  const { operation, status } = fault;
  if (operation !== undefined) return [operation];
  if (status !== undefined) return [STATUS];
  return isAboutLists(fault) ? LISTS : undefined;
}

type ListFault = { readonly [Name in 'page' | 'total_count' | 'next_token']?: unknown };

function isAboutLists({ page, total_count: total, next_token: token }: ListFault): boolean {
  return [page, total, token].some((value) => value !== undefined);
}

function isAmong(possible: readonly Action[], operation: Action | undefined): boolean {
  return operation === undefined || possible.includes(operation);
}

export const faultsSchema = list(faultSchema, 'faults');

/** A fault in the form of the scenario file. */
export type FaultInput = z.input<typeof faultSchema>;
/** A fault after the check; times are in milliseconds. */
export type Fault = z.output<typeof faultSchema>;

/** The parts of a request that faults select by. */
type FaultSubject = {
  readonly action: string;
  readonly instanceId: string;
  /** The names of the repository: its id and NAMESPACE/NAME. */
  readonly repository: readonly string[];
  readonly tag: string;
  /** The page of a list, from 1. */
  readonly page: number;
};

type Tally = { matches: number; strikes: number };

/** Chooses the fault of each request: the first that matches and is due. */
export class FaultPicker {
  readonly #faults: readonly { readonly fault: Fault; readonly tally: Tally }[];
  readonly #seed: number;
  readonly #sinceMs: number;

  /** @param sinceMs when the faults were put in force, on the clock of {@link pick} */
  constructor(faults: readonly Fault[], seed: number, sinceMs: number) {
    this.#faults = faults.map((fault) => ({ fault, tally: { matches: 0, strikes: 0 } }));
    this.#seed = seed;
    this.#sinceMs = sinceMs;
  }

  /** The fault that strikes this request, if any. The request counts for `first` and `share` of the fault. */
  pick(subject: FaultSubject, nowMs: number): Fault | undefined {
    const ageMs = nowMs - this.#sinceMs;
    for (const [index, { fault, tally }] of this.#faults.entries()) {
      if (isInForce(fault, ageMs) && matches(fault, subject) && this.#draw(index, fault, tally)) return fault;
    }
    return undefined;
  }

  #draw(index: number, { first = Number.POSITIVE_INFINITY, share = 1 }: Fault, tally: Tally): boolean {
    if (tally.strikes >= first) return false;
    tally.matches++;
    const strikes = seededDraw(this.#seed, 'fault', index)(tally.matches) < share;
    if (strikes) tally.strikes++;
    return strikes;
  }
}

/** The effect of a fault. */
export function effectOf(fault: Fault): EffectName | undefined {
  return EFFECTS.find((effect) => fault[effect] !== undefined);
}

function isInForce({ from = 0, until = Number.POSITIVE_INFINITY }: Fault, ageMs: number): boolean {
  return ageMs >= from && ageMs < until;
}

function matches(fault: Fault, { action, instanceId, repository, tag, page }: FaultSubject): boolean {
  return (
    (operationsOf(fault)?.some((operation) => operation === action) ?? true) &&
    (fault.instance === undefined || fault.instance === instanceId) &&
    (fault.repository === undefined || repository.includes(fault.repository)) &&
    (fault.tag === undefined || fault.tag === tag) &&
    (fault.page === undefined || fault.page === page)
  );
}
