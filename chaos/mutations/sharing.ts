// Several exporters broken where they share the work over Redis: what each owns, what it may send, and what it tells the others.
import type { Mutation } from './mutation.ts';

const MEMBERS = 3;

export const OF_SHARING: readonly Mutation[] = [
  {
    name: 'a member sends without a share',
    members: MEMBERS,
    file: 'replicas/membership.js',
    before: 'return granted;',
    after: 'return 10 * total;',
    law: 'quota',
    often: ['SIGHUP: another rate and max_concurrent', 'kill -9'],
  },
  {
    name: 'members disagree about who owns what',
    members: MEMBERS,
    file: 'replicas/ownership.js',
    before: 'const keyHash = hash(key);',
    after: 'const keyHash = hash(key + (process.pid % 7));',
    law: 'alone',
  },
  {
    name: 'what another member wrote is not restored',
    members: MEMBERS,
    file: 'app/replica.js',
    before: 'const records = await this.#read(view);',
    after: 'const records = [];',
    law: 'handed',
    often: ['SIGTERM and a new start', 'kill -9'],
  },
  {
    name: 'a member writes only when it leaves',
    members: MEMBERS,
    file: 'app/shared-state.js',
    before: 'if (mayWrite())',
    after: 'if (false)',
    law: 'handed',
    often: ['a member is killed, and another one joins seconds later'],
  },
  {
    name: 'a dead member is not missed',
    members: MEMBERS,
    file: 'replicas/lease-script.js',
    before: 'local isOver =',
    after: 'local isOver = false; local _ =',
    law: 'configured',
    often: ['a member is killed, and another one joins seconds later'],
  },
];
