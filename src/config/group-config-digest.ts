// What all replicas of a group must configure alike, in a few characters.
import { createHash } from 'node:crypto';
import type { ConfiguredRepository } from '../model/settings.ts';
import type { Config } from './config.ts';
import { credentialSets } from './credential-sets.ts';

const DIGEST_LENGTH = 12;

/**
 * A digest, in hexadecimal, of what decides which tags the replicas watch and how they share the quota. Secrets, paths of files and what each replica may
 * have for itself are not in it.
 * @param max the maximum number of replicas that is in force
 */
export function groupConfigDigest(config: Config, max: number): string {
  const hash = createHash('sha256');
  const add = (part: unknown) => hash.update(JSON.stringify(part));
  const { rateLimit, maxTags, instances } = config;
  const sets = credentialSets(config).map(({ name, instanceIds }) => [name, instanceIds]);
  add([max, maxTags, rateLimit.requestsPerSecond, rateLimit.maxConcurrent, sets]);
  for (const { id, repositories, discover } of instances) {
    add([id, discover.map((rule) => Object.entries(rule).sort(byName))]);
    // One by one: all of them together may be a long text.
    for (const repository of repositories) add(listedIn(repository));
  }
  return hash.digest('hex').slice(0, DIGEST_LENGTH);
}

function listedIn({ namespace, name, id, vulnerabilities, tags }: ConfiguredRepository) {
  const listed = tags.map(({ tag, digest, scanTaskId }) => [tag, digest, scanTaskId]);
  return [namespace, name, id, vulnerabilities, listed];
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
