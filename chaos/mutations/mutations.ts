// Ways in which the exporter may be broken, each of which the checker must find. To add one, add it to the list of its part.
import { OF_ASKING } from './asking.ts';
import { OF_HEARING } from './hearing.ts';
import { OF_KEEPING } from './keeping.ts';
import type { Mutation } from './mutation.ts';
import { OF_SHARING } from './sharing.ts';
import { OF_SHOWING } from './showing.ts';
import { OF_WATCHING } from './watching.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...OF_WATCHING,
  ...OF_ASKING,
  ...OF_SHOWING,
  ...OF_KEEPING,
  ...OF_HEARING,
  ...OF_SHARING,
];
