// How the registry answers about an image that was never scanned. No public source shows such an answer, so there are several ways.
import { apiFailure, businessFailure } from './failure.ts';

/** The status, in a scenario and in the truth, of an image that was never scanned. The API has no word for it. */
export const NOT_SCANNED = 'NOT_SCANNED';

/** A success without a Status, with an empty one, or with null; an error with HTTP 404; HTTP 200 with `IsSuccess: false`. */
export const NOT_SCANNED_ANSWERS = ['absent', 'empty', 'null', 'error', 'business_error'] as const;
export type NotScannedAnswer = (typeof NOT_SCANNED_ANSWERS)[number];

const CODE = 'SCAN_TASK_NOT_EXIST';
const MESSAGE = 'The scan task does not exist.';

/** The status field of an answer; throws an `ApiFailure` where the answer is an error. */
export function statusField(status: string, notScanned: NotScannedAnswer): { readonly Status?: string | null } {
  if (status !== NOT_SCANNED) return { Status: status };
  switch (notScanned) {
    case 'absent':
      return {};
    case 'empty':
      return { Status: '' };
    case 'null':
      return { Status: null };
    case 'error':
      throw apiFailure(CODE, { httpStatus: 404, message: MESSAGE });
    case 'business_error':
      throw businessFailure(CODE, MESSAGE);
  }
}
