// Every law that the exporter is held to. To add a law, add it to the list.
import { calmLaw } from './calm.ts';
import { configuredLaw, reloadLaw } from './configured.ts';
import { keysLaw, silenceLaw, waitLaw } from './credentials.ts';
import { discoveredLaw } from './discovered.ts';
import { fedLaw, wokenLaw } from './events.ts';
import { eventsHealthLaw, sparseLaw } from './events-health.ts';
import { counterLaw, wellFormedLaw } from './exposition.ts';
import { endLaw, healthLaw, scrapeLaw } from './health.ts';
import { keptLaw, resumedLaw, savedLaw } from './kept.ts';
import type { Law } from './law.ts';
import { aloneLaw, handedLaw, quotaLaw } from './members.ts';
import { memoryLaw } from './memory.ts';
import { backoffLaw, intervalLaw } from './pace.ts';
import { idleLaw, overtakenLaw } from './polled.ts';
import { concurrencyLaw, rateLaw } from './quota.ts';
import { askedLaw, onceLaw, timeoutLaw } from './requests.ts';
import { seenLaw } from './sent.ts';
import { foundLaw, newsLaw, sumsLaw } from './shown.ts';
import { sinceLaw } from './since.ts';
import { statusLaw } from './status.ts';
import { countedLaw, refusedLaw } from './webhook.ts';

export const LAWS: readonly Law[] = [
  statusLaw,
  sinceLaw,
  keptLaw,
  savedLaw,
  newsLaw,
  configuredLaw,
  reloadLaw,
  sumsLaw,
  foundLaw,
  discoveredLaw,
  wellFormedLaw,
  counterLaw,
  rateLaw,
  concurrencyLaw,
  seenLaw,
  overtakenLaw,
  idleLaw,
  waitLaw,
  timeoutLaw,
  onceLaw,
  askedLaw,
  intervalLaw,
  resumedLaw,
  backoffLaw,
  wokenLaw,
  fedLaw,
  sparseLaw,
  eventsHealthLaw,
  refusedLaw,
  countedLaw,
  keysLaw,
  silenceLaw,
  healthLaw,
  scrapeLaw,
  endLaw,
  calmLaw,
  memoryLaw,
];

/** Those that several exporters are held to that share the work over Redis. */
export const MEMBER_LAWS: readonly Law[] = [
  aloneLaw,
  handedLaw,
  quotaLaw,
  statusLaw,
  sinceLaw,
  newsLaw,
  configuredLaw,
  reloadLaw,
  sumsLaw,
  wellFormedLaw,
  counterLaw,
  concurrencyLaw,
  seenLaw,
  waitLaw,
  timeoutLaw,
  onceLaw,
  askedLaw,
  intervalLaw,
  backoffLaw,
  keysLaw,
  silenceLaw,
  healthLaw,
  scrapeLaw,
  endLaw,
  calmLaw,
  memoryLaw,
];

export function lawsFor(members: number): readonly Law[] {
  return members === 1 ? LAWS : MEMBER_LAWS;
}
