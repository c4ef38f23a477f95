// Answers of the ACR API, at the place where bytes become an answer or an error.
import fc from 'fast-check';
import { ANSWER_BOUNDS, HttpTransport, type Reply } from '../../src/acr/http-transport.ts';
import { loadSdk } from '../../src/acr/sdk.ts';
import {
  AUTHORIZATION,
  apiOf,
  bodies,
  headers,
  NONCE,
  OPERATIONS,
  operationAt,
  requireOutcome,
  SIGNATURE,
  statuses,
} from '../api-answers.ts';
import { requireEqual, SECRETS } from '../outputs.ts';
import { defineTarget } from '../target.ts';

type Answer = {
  /** Its number in the list. */
  readonly operation: number;
  readonly body: Buffer;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly flaw: string | undefined;
  /** Whether it is asked by a process that has known many secrets. */
  readonly isOld: boolean;
};

const inputs: fc.Arbitrary<Answer> = fc.oneof(
  ...OPERATIONS.map((_, index) =>
    fc.record({
      operation: fc.constant(index),
      body: bodies[index] ?? fc.constant(Buffer.alloc(0)),
      status: statuses,
      headers,
      flaw: fc.oneof(
        { weight: 30, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constant('has more than 1048576 bytes') },
      ),
      isOld: fc.constantFrom(...Array<boolean>(29).fill(false), true),
    }),
  ),
);

const SENT = {
  authorization: AUTHORIZATION,
  'x-acs-security-token': SECRETS.securityToken,
  'x-acs-signature-nonce': NONCE,
};

/** Gives every request the same answer. */
class Answering extends HttpTransport {
  reply: Reply = { status: 200, headers: {}, body: Buffer.alloc(0), sent: () => SENT, flaw: undefined };

  override send(): Promise<Reply> {
    return Promise.resolve(this.reply);
  }
}

export const answers = defineTarget({
  name: 'answers',
  sentence: 'an answer of the API is read correctly, or is an error that is fit to be shown',
  share: 4,
  inputs,
  open: async () => {
    const transport = new Answering(ANSWER_BOUNDS);
    const sdk = { ...(await loadSdk()), transport };
    const [young, old] = [false, true].map((isOld) => apiOf(sdk, 'cr.example.com', { requestTimeoutMs: 1_000, isOld }));
    if (young === undefined || old === undefined) throw new Error('expected two clients');
    return {
      check: async ({ operation: number, body, status, headers: given, flaw, isOld }) => {
        const { name, ask } = operationAt(number);
        const taken = flaw === undefined ? body : Buffer.alloc(0);
        transport.reply = { status, headers: given, body: taken, sent: () => SENT, flaw };
        const { word, body: read } = await requireOutcome(() => ask(isOld ? old : young), [SIGNATURE, NONCE]);
        if (read !== undefined) requireSame(name, read, body, status);
        return word;
      },
    };
  },
});

/** Reads the names and numbers of the answer once more, as simply as can be. */
function requireSame(operation: string, read: object, bytes: Buffer, status: number): void {
  if (status >= 400) throw new Error(`HTTP ${status} was taken for a success`);
  const body = JSON.parse(bytes.toString());
  const text = (value: unknown) => value ?? '';
  const image = ({ Digest, ImageUpdate, Status, ...rest }: Readonly<Record<string, unknown>>) => ({
    ...('Tag' in rest && { tag: rest.Tag }),
    digest: text(Digest),
    imageUpdate: wholeNumber(ImageUpdate),
    isDeleting: Status === 'DELETING',
  });
  const repository = ({ RepoId, RepoName, RepoNamespaceName }: Readonly<Record<string, unknown>>) => ({
    repoId: RepoId,
    repoNamespaceName: RepoNamespaceName,
    repoName: RepoName,
  });
  const fields: Readonly<Record<string, unknown>> = { ...read };
  const { requestId, status: _status, statusText: _text, scanService: _service, ...found } = fields;
  const page = { totalCount: wholeNumber(body.TotalCount), nextToken: text(body.NextToken) };
  const isGone = (status: unknown) => typeof status === 'string' && status !== '' && status !== 'NORMAL';
  const expected: Readonly<Record<string, unknown>> = {
    GetRepoTagScanStatus: {},
    GetRepoTagScanSummary: {
      highSeverity: body.HighSeverity,
      mediumSeverity: body.MediumSeverity,
      lowSeverity: body.LowSeverity,
      unknownSeverity: body.UnknownSeverity,
    },
    GetRepository: repository(body),
    ListRepository: {
      ...page,
      repositories: (body.Repositories ?? []).map((each: Readonly<Record<string, unknown>>) => ({
        ...repository(each),
        isGone: isGone(each.RepoStatus),
      })),
    },
    ListRepoTag: { ...page, images: (body.Images ?? []).map(image) },
    GetRepoTag: {
      digest: text(body.Digest),
      imageUpdate: wholeNumber(body.ImageUpdate),
      isDeleting: body.Status === 'DELETING',
    },
  };
  const isEmpty = operation.startsWith('List') && page.totalCount === 0;
  if (!isEmpty) requireEqual(found, expected[operation], operation);
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
