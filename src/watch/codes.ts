// What statuses and codes of the API mean for those who ask: things that do not exist are written in two ways.
import type { ScanStatus } from '../state/tag-state.ts';

/** The statuses of the API. An answer without one is about an image that was never scanned. */
const STATUSES = new Map<string, Exclude<ScanStatus, 'unknown'>>([
  ['SCANNING', 'scanning'],
  ['RETRYING', 'retrying'],
  ['COMPLETE', 'complete'],
  ['FAILED', 'failed'],
  ['', 'not_scanned'],
]);

const NO_SUCH_REPOSITORY = /^REPO\w*_NOT_EXIST$|^Repo\w*Not(?:Exist|Found)/;
/** `InvalidAction.NotFound` is about the operation, and passes. */
const NO_SUCH_THING = /_NOT_EXIST$|(?<!^InvalidAction\.)Not(?:Exist|Found)/;

/** The scan status that an answer stands for; undefined for one that this version does not know. */
export function statusOf(answered: string): Exclude<ScanStatus, 'unknown'> | undefined {
  return STATUSES.get(answered);
}

/** Whether the API says that a repository does not exist, or not any more. */
export function isNoSuchRepository(code: string): boolean {
  return NO_SUCH_REPOSITORY.test(code);
}

/** Whether the API says that what it was asked about does not exist, whatever that is. */
export function isNoSuchThing(code: string): boolean {
  return NO_SUCH_THING.test(code);
}
