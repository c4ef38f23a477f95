import test from 'ava';
import { difference } from '../../chaos/calm.ts';
import { parseExposition } from '../../chaos/exposition.ts';
import { LABELS, record, START, scrape } from './records.ts';

test('a calm is over only when every tag was polled in it, and soon enough before the scrape', (t) => {
  const known = record({});
  const [configuration] = known.configurations;
  if (configuration === undefined) return t.fail('there is no configuration');
  const names = { instanceId: 'cri-a', repoId: 'crr-api', repoNamespace: 'shop', repoName: 'api', tag: 'v1' };
  const tags = [{ ...names, digest: 'one', status: 'COMPLETE', sinceMs: 0, untilMs: null, former: [] }];
  const found = (from: number, at: number, success: number) =>
    difference({ configuration, record: known }, START + from, shown(at, success), { elapsedMs: at, tags }).join('; ');
  t.is(found(4_000, 8_000, 5_000), '');
  t.regex(found(6_000, 8_000, 5_000), /^cri-a shop api v1 has its last success at/);
  t.regex(found(4_000, 60_000, 5_000), /cri-a shop api v1 has its last success at/);
});

/** The tag as complete, with a last poll that was answered at this time. */
function shown(at: number, success: number) {
  const text = `acr_scan_tag_status{${LABELS},status="complete"} 1
acr_scan_tag_last_success_timestamp_seconds{${LABELS}} ${(START + success) / 1_000}
acr_scan_tag_poll_success{${LABELS}} 1
acr_scan_tag_info{${LABELS},repo_id="crr-api",digest=""} 1
acr_scheduler_rate_limit_requests_per_second{credentials="default",kind="current"} 40
`;
  return { ...scrape({ at }), exposition: parseExposition(text, false) };
}
