// An event as EventBridge sends it: a CloudEvent 1.0 in structured JSON, with the fields of the real events of ACR.
import { TYPE_PREFIX } from './event-settings.ts';
import { NO_VULNERABILITIES } from './image.ts';
import { stableHex } from './random.ts';
import type { SimulatedEvent } from './simulated-event.ts';

const REGION = 'cn-hangzhou';
const ACCOUNT = '1234567890123456';
/** The real events have the time of China, to the second. */
const ZONE_OFFSET_MS = 8 * 3_600_000;
const ZONE = '+08:00';

/** The body of a delivery; `startedAtMs` is the wall-clock time of the simulator's start. */
export function cloudEvent(event: SimulatedEvent, startedAtMs: number): string {
  const { id, type, repository, elapsedMs } = event;
  const time = localTime(startedAtMs + elapsedMs);
  return JSON.stringify({
    id,
    source: 'acs.cr',
    specversion: '1.0',
    subject: `acs.cr:${REGION}:${ACCOUNT}:${stableHex(8, repository.id)}`,
    time: `${time}${ZONE}`,
    type: `${TYPE_PREFIX}${type}`,
    datacontenttype: 'application/json;charset=utf-8',
    aliyunaccountid: ACCOUNT,
    aliyunpublishtime: `${time}${ZONE}`,
    aliyuneventbusname: 'default',
    aliyunregionid: REGION,
    data: { ...dataOf(event), ...(type === 'ScanCompleted' && scanOf(event, startedAtMs)) },
  });
}

function dataOf({ repository, tag }: SimulatedEvent) {
  return {
    RegionId: REGION,
    InstanceId: repository.instanceId,
    RepoId: repository.id,
    RepoNamespaceName: repository.namespace,
    RepoName: repository.name,
    Tag: tag.tag,
  };
}

function scanOf({ repository, tag, status, vulnerabilities }: SimulatedEvent, startedAtMs: number) {
  const { high, medium, low, unknown } = vulnerabilities ?? NO_VULNERABILITIES;
  return {
    InstanceName: repository.instanceId,
    ImageUpdate: localTime(startedAtMs + tag.image.pushedMs).replace('T', ' '),
    Status: status,
    HighSeverity: high,
    MediumSeverity: medium,
    LowSeverity: low,
    UnknownSeverity: unknown,
    TotalSeverity: high + medium + low + unknown,
  };
}

/** `2026-03-26T12:51:12`, in the time of China. */
function localTime(ms: number): string {
  return new Date(ms + ZONE_OFFSET_MS).toISOString().slice(0, '2026-03-26T12:51:12'.length);
}
