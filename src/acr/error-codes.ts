// The meaning of error codes of the API. The codes for things that do not exist are spelled in several ways.
import type { ApiError, ApiErrorKind } from './api-error.ts';

/** In upper or lower case: a code that is taken for throttling by mistake only slows the requests down. */
const THROTTLED = /throttling/i;
const REFUSED =
  /^(?:InvalidAccessKeyId|InvalidSecurityToken|InvalidTimeStamp|(?:SignatureDoesNotMatch|IncompleteSignature)$)/;
const DENIED = /^(?:NoPrivilege$|Forbidden)/;
/**
 * A failure of the server, written as gateways do (`SystemError`) or as answers with HTTP 200 do (`SYSTEM_ERROR`): it says nothing about the
 * request. `InvalidAction.NotFound` comes for operations that exist while a gateway is updated.
 */
const TRANSIENT = /^(?:system_?error|service_?unavailable|internal_?error|InvalidAction\.NotFound$)/i;

/**
 * The kind of an answer that is an error.
 *
 * @param apiCode the API's own code; undefined if the answer has none
 * @param status the HTTP status; 200 if only the body says that the request failed
 */
export function kindOfAnswer(apiCode: string | undefined, status: number): ApiErrorKind {
  const code = apiCode ?? '';
  if (status === 429 || THROTTLED.test(code) || (status === 503 && code === '')) return 'throttled';
  if (REFUSED.test(code)) return 'refused';
  if (status === 401 || status === 403 || DENIED.test(code)) return 'denied';
  return code === '' || status >= 500 || TRANSIENT.test(code) ? 'transport' : 'answered';
}

/** A list instead of a pattern: a code such as `REPO_TAG_NOT_EXIST` is about a tag. */
const NO_SUCH_REPOSITORY: ReadonlySet<string> = new Set([
  'REPO_NOT_EXIST',
  'REPOSITORY_NOT_EXIST',
  'RepoNotExist',
  'RepositoryNotExist',
  'RepoNotFound',
  'RepositoryNotFound',
  'Repo.NotExist',
  'Repository.NotExist',
  'Repo.NotFound',
  'Repository.NotFound',
]);

const NO_SUCH_NAMESPACE = /^NAMESPACE_NOT_EXIST$|^Namespace\.?Not(?:Exist|Found)$/;

const NO_SUCH_THING = /_NOT_EXIST$|Not(?:Exist|Found)/;

/** Words in a code that is about a tag, its image or its scan. */
const OF_A_SCAN = /^(?:\w*TAGS?|SCAN\w*|IMAGES?|ARTIFACTS?|DIGESTS?|MANIFESTS?)$/;

/** Words in a code that is about something that contains the tag, or about the request. */
const OF_SOMETHING_ELSE =
  /^(?:REPO|REPOS|REPOID|REPONAME|REPOSITOR\w+|NAMESPACE\w*|INSTANCE\w*|USER\w*|ACCOUNT\w*|ACTION|API|ACCESS|ACCESSKEY\w*|SECURITY|REGION\w*|PRODUCT|VERSION|ROLE|ENDPOINT|DOMAIN)$/;

/** Whether a code means that a repository does not exist. */
export function isNoSuchRepository(code: string): boolean {
  return NO_SUCH_REPOSITORY.has(code);
}

/** Whether a code means that the namespace or repository of a list does not exist. */
export function isNoSuchList(code: string): boolean {
  return NO_SUCH_NAMESPACE.test(code) || isNoSuchRepository(code);
}

/** Whether a code means that something does not exist. */
export function isNoSuchThing(code: string): boolean {
  return NO_SUCH_THING.test(code);
}

/** Whether an error means that there is no such scan or no such tag. A tag that exists was then never scanned. */
export function isNoSuchScan({ code, kind }: Pick<ApiError, 'code' | 'kind'>): boolean {
  if (kind !== 'answered' || !isNoSuchThing(code)) return false;
  const words = code
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .split(/[^A-Z0-9]+/);
  return words.some((word) => OF_A_SCAN.test(word)) || !words.some((word) => OF_SOMETHING_ELSE.test(word));
}
