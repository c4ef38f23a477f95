// Everything that is fuzzed. To add a target, give it a file in `targets/` and a place in the list.
import type { Target } from './target.ts';
import { answerSockets } from './targets/answer-sockets.ts';
import { answers } from './targets/answers.ts';
import { cloudEvents } from './targets/cloud-events.ts';
import { commandLines, simulatorCommandLines } from './targets/command-lines.ts';
import { configFiles } from './targets/config-files.ts';
import { configReloads } from './targets/config-reloads.ts';
import { credentialAnswers, secretFiles } from './targets/credential-answers.ts';
import { logLines } from './targets/log-lines.ts';
import { negotiation } from './targets/negotiation.ts';
import { pagesOfMetrics } from './targets/pages-of-metrics.ts';
import { queries } from './targets/queries.ts';
import { requests } from './targets/requests.ts';
import { scenarioFiles } from './targets/scenario-files.ts';
import { addresses, authorizations, certificateNames, durations, patterns } from './targets/small-texts.ts';
import { webConfigFiles } from './targets/web-config-files.ts';

export const TARGETS: readonly Target[] = [
  negotiation,
  logLines,
  patterns,
  authorizations,
  certificateNames,
  commandLines,
  durations,
  addresses,
  simulatorCommandLines,
  secretFiles,
  credentialAnswers,
  answers,
  answerSockets,
  cloudEvents,
  requests,
  queries,
  pagesOfMetrics,
  configFiles,
  configReloads,
  webConfigFiles,
  scenarioFiles,
];
