// The bodies that come to the webhook, near what EventBridge sends.
import fc from 'fast-check';
import { type CloudEvents, parseCloudEvents } from '../../src/events/cloud-event.ts';
import { ANY_JSON, jsonLike, type Shape } from '../json-texts.ts';
import { requireEqual, requireFitMessage } from '../outputs.ts';
import { defineTarget } from '../target.ts';
import { edited, madeOf, repeated } from '../texts.ts';

const EVENT: Shape = {
  id: '"45ef4dew-7c35"',
  source: '"acs.cr"',
  specversion: '"1.0"',
  subject: '"acs.cr:cn-hangzhou:123456789098:215672"',
  time: '"2026-01-31T08:15:00+08:00"',
  type: '"cr:Artifact:ScanCompleted"',
  data: {
    InstanceId: '"cri-1"',
    RepoId: '"crr-1"',
    RepoNamespaceName: '"shop"',
    RepoName: '"api"',
    Tag: '"latest"',
    Status: '"COMPLETE"',
    HighSeverity: '1',
  },
};

const VALUES = fc.constantFrom(
  '"cr:Artifact:PushCompleted"',
  '"cr:Artifact:BuildCompleted"',
  '"acs.oss"',
  '"0.3"',
  '1.0',
  '"2026-01-31T08:15:00"',
  '"2026-02-30T24:00:60z"',
  '"2026-01-31T08:15:00.123456789-23:59"',
  '1769818500000',
  `"${'x'.repeat(300)}"`,
);

const event = jsonLike(EVENT, VALUES);
const batch = fc.array(fc.oneof({ weight: 3, arbitrary: event }, { weight: 1, arbitrary: ANY_JSON }), { maxLength: 4 });
const PIECES = ['{', '}', '[', ']', '"', ':', ',', '\\', '\u0000', '__proto__', 'data', '1e999', 'null', ' ', '\ufeff'];
const WHOLE = JSON.stringify({ id: '1', source: 'acs.cr', specversion: '1.0', type: 'cr:Artifact:ScanCompleted' });

export const cloudEvents = defineTarget({
  name: 'cloud-events',
  sentence: 'a body of the webhook gives complete events, or one line that says what is wrong',
  share: 2,
  inputs: fc.oneof(
    { weight: 5, arbitrary: event },
    { weight: 3, arbitrary: batch.map((items) => `[${items.join()}]`) },
    { weight: 1, arbitrary: ANY_JSON },
    { weight: 1, arbitrary: edited([WHOLE], PIECES) },
    { weight: 1, arbitrary: madeOf(PIECES, 20) },
    { weight: 1, arbitrary: repeated(['[', '{"data":', '[0,'], 20_000) },
  ),
  open: () => ({ check: (text) => requireWhole(parseCloudEvents(text), text) }),
});

function requireWhole(read: CloudEvents, text: string): string {
  const { events, others, problems } = read;
  for (const problem of problems) requireFitMessage(problem, 'a problem');
  for (const { id, type, instanceId, repository, tag, timeMs } of events) {
    const needed = [id, instanceId, tag, repository.id || repository.namespace, repository.id || repository.name];
    if (needed.some((each) => typeof each !== 'string' || each === '' || each.length > 255))
      throw new Error(`not all that is needed: ${JSON.stringify(needed)}`);
    if (!Number.isSafeInteger(timeMs)) throw new Error(`no time: ${timeMs}`);
    if (type !== 'ScanCompleted' && type !== 'PushCompleted') throw new Error(`no such type: ${type}`);
  }
  requireEqual(parseCloudEvents(text), read, 'read again');
  if (events.length > 0) return problems.length > 0 ? 'events and problems' : 'events';
  return others > 0 ? 'others' : problems.length > 0 ? 'problems' : 'nothing';
}
