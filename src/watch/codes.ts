// What codes of the API mean for those who ask: things that do not exist are written in two ways.

const NO_SUCH_REPOSITORY = /^REPO\w*_NOT_EXIST$|^Repo\w*Not(?:Exist|Found)/;
const NO_SUCH_THING = /_NOT_EXIST$|Not(?:Exist|Found)/;

/** Whether the API says that a repository does not exist, or not any more. */
export function isNoSuchRepository(code: string): boolean {
  return NO_SUCH_REPOSITORY.test(code);
}

/** Whether the API says that what it was asked about does not exist, whatever that is. */
export function isNoSuchThing(code: string): boolean {
  return NO_SUCH_THING.test(code);
}
