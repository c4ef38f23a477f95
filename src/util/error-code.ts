// The code of an error of Node.js or of the system.

/** `ENOENT` and its like; undefined for an error without a code. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
