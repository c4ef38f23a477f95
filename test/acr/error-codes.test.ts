// What codes of the API mean, and those that are written almost like them.
import test from 'ava';
import fc from 'fast-check';
import type { ApiErrorKind } from '../../src/acr/api-error.ts';
import { isNoSuchRepository, isNoSuchScan, kindOfAnswer } from '../../src/acr/error-codes.ts';

const OF_A_REPOSITORY = [
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
];

/** Words of codes, put together in each way in which the API writes them. */
const word = fc.constantFrom(
  'Repo',
  'Repository',
  'Tag',
  'Image',
  'Scan',
  'Task',
  'Namespace',
  'Instance',
  'Invalid',
  'Id',
);
const words = fc.array(word, { maxLength: 4 });
const end = fc.constantFrom(['Not', 'Exist'], ['Not', 'Found']);
const code = fc
  .tuple(words, end, fc.constantFrom('_', '', '.'), fc.boolean())
  .map(([first, last, separator, capitals]) => {
    const text = separator === '.' ? [...first, last.join('')].join('.') : [...first, ...last].join(separator);
    return capitals ? text.toUpperCase() : text;
  });

const CODES_OF_KINDS: Readonly<Record<ApiErrorKind, readonly string[]>> = {
  throttled: [
    'Throttling',
    'Throttling.X',
    'Throttling.User.X',
    'ThrottlingUser',
    'X.Throttling',
    'THROTTLING',
    'throttling.user',
  ],
  refused: [
    'InvalidAccessKeyId',
    'InvalidAccessKeyId.X',
    'InvalidSecurityToken.X',
    'InvalidTimeStamp.Expired',
    'SignatureDoesNotMatch',
  ],
  denied: ['NoPrivilege', 'Forbidden', 'Forbidden.X'],
  transport: [
    'SystemError',
    'SYSTEM_ERROR',
    'ServiceUnavailable.X',
    'SERVICE_UNAVAILABLE',
    'InternalError',
    'INTERNAL_ERROR',
    'InvalidAction.NotFound',
    '',
  ],
  answered: [
    'Throttle',
    'SignatureDoesNotMatch.X',
    'SignatureDoesNotMatchX',
    'X.SignatureDoesNotMatch',
    'X.InvalidAccessKeyId',
    'InvalidAccessKey',
    'NoPrivilege.X',
    'NoPrivileges',
    'X.NoPrivilege',
    'X.Forbidden',
    'X.SystemError',
    'FILE_SYSTEM_ERROR',
    'SYSTEM-ERROR',
    'InvalidAction',
    'InvalidAction.NotFound.X',
    'InvalidActionNotFound',
    'REPO_NOT_EXIST',
    'TAG_NOT_EXIST',
  ],
};

for (const [kind, codes] of Object.entries(CODES_OF_KINDS)) {
  test(`what is ${kind}, by its code alone`, (t) => {
    for (const each of codes)
      for (const status of [200, 400, 404]) t.is(String(kindOfAnswer(each, status)), kind, each);
  });
}

test('the status counts where the code says less: 429 is throttled, 401 and 403 are denied, from 500 on it is transport', (t) => {
  for (const each of ['REPO_NOT_EXIST', 'X', '']) {
    t.is(kindOfAnswer(each, 429), 'throttled', each);
    for (const status of [401, 403]) t.is(kindOfAnswer(each, status), 'denied', each);
    for (const status of [500, 502]) t.is(kindOfAnswer(each, status), 'transport', each);
  }
  t.is(kindOfAnswer(undefined, 503), 'throttled');
  t.is(kindOfAnswer('X', 503), 'transport');
  t.is(kindOfAnswer('Throttling.User', 403), 'throttled');
  t.is(kindOfAnswer('SignatureDoesNotMatch', 403), 'refused');
});

test('only exactly the codes of a repository are about one, and never a code with a tag in it', (t) => {
  for (const each of OF_A_REPOSITORY) t.true(isNoSuchRepository(each), each);
  const property = fc.property(fc.oneof(code, fc.string()), (each) => {
    const isOfARepository = isNoSuchRepository(each);
    return isOfARepository === OF_A_REPOSITORY.includes(each) && !(isOfARepository && /tag/i.test(each));
  });
  t.notThrows(() => fc.assert(property, { numRuns: 5_000 }));
  for (const each of [
    'REPO_TAG_NOT_EXIST',
    'RepoTagNotExist',
    'REPO_NOT_EXIST_',
    'repo_not_exist',
    'Repo_Not_Exist',
    'RepoNotExists',
    'REPO_NOT_EXISTS',
    'REPO.NOT.EXIST',
    'Repo.TagNotFound',
  ]) {
    t.false(isNoSuchRepository(each), each);
  }
});

test('a code about a scan, an image or a tag, or about nothing in particular, says that there is no such scan', (t) => {
  const codes = [
    'TAG_NOT_EXIST',
    'REPO_TAG_NOT_EXIST',
    'RepoTagNotExist',
    'REPOTAG_NOT_EXIST',
    'SCAN_TASK_NOT_EXIST',
    'REPO_SCAN_TASK_NOT_EXIST',
    'SCAN_REPORT_NOT_EXIST',
    'ScanTaskNotExist',
    'ScanResult.NotFound',
    'IMAGE_NOT_EXIST',
    'ImageNotFound',
    'ARTIFACT_NOT_EXIST',
    'TASK_NOT_EXIST',
    'REPORT_NOT_EXIST',
    'ResourceNotFound',
  ];
  for (const each of codes) t.true(isNoSuchScan({ code: each, kind: 'answered' }), each);
});

test('a code about a repository, a namespace, an instance, a user or the request itself does not, nor does any denial', (t) => {
  const codes = [
    ...OF_A_REPOSITORY,
    'NAMESPACE_NOT_EXIST',
    'NamespaceNotFound',
    'INSTANCE_NOT_EXIST',
    'InstanceNotExist',
    'USER_NOT_EXIST',
    'UserNotFound',
    'REPO_BUILD_RULE_NOT_EXIST',
    'InvalidAction.NotFound',
    'InvalidAccessKeyId.NotFound',
    'InvalidRegionId.NotFound',
    'SystemError',
    'NoPrivilege',
    'TAG_INVALID',
    'HttpStatus_404',
    'other',
  ];
  for (const each of codes) t.false(isNoSuchScan({ code: each, kind: 'answered' }), each);
  for (const kind of ['denied', 'refused', 'throttled', 'transport'] as const) {
    t.false(isNoSuchScan({ code: 'SCAN_TASK_NOT_EXIST', kind }), kind);
  }
});

test('no code is taken for that of a repository and for that of a scan', (t) => {
  const property = fc.property(
    code,
    (each) => !(isNoSuchRepository(each) && isNoSuchScan({ code: each, kind: 'answered' })),
  );
  t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});
