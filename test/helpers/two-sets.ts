// Two instances with one tag each, of which the second has credentials of its own.
import type { ExecutionContext } from 'ava';
import {
  type ConfigurationInput,
  configurationFor,
  type Exporter,
  instanceAt,
  KEY,
  LATEST,
  type RunningSimulator,
  startExporter,
  startSimulator,
} from './exporter.ts';
import { POLL } from './tag-series.ts';

export const SECOND_KEY = { access_key_id: 'LTAI-second', access_key_secret: 'its-secret' };
/** The tag of the second instance, its polls, and the name of its credentials. */
export const SECOND = { ...LATEST, instance_id: 'cri-2' };
export const SECOND_POLLS = { ...POLL, instance_id: 'cri-2' };

export type TwoSets = Exporter & { readonly simulator: RunningSimulator };

/** Starts both; the API knows {@link KEY} and {@link SECOND_KEY}. */
export async function startTwoSets(t: ExecutionContext, credentials: ConfigurationInput): Promise<TwoSets> {
  const repository = { namespace: 'shop', name: 'api', id: 'crr-1', tags: [{ tag: 'latest', status: 'COMPLETE' }] };
  const simulator = await startSimulator(t, {
    instances: ['cri-1', 'cri-2'].map((id) => ({ id, repositories: [repository] })),
    keys: [KEY, SECOND_KEY],
  });
  const instances = [instanceAt(simulator.address), instanceAt(simulator.address, { id: 'cri-2', credentials })];
  return { simulator, ...(await startExporter(t, configurationFor(simulator.address, { instances }))) };
}
