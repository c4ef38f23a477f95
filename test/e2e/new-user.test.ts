// What the README promises to someone who has just cloned it: two commands, and everything shows life.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parsePage, type Sample } from '../helpers/exposition.ts';
import { startDemo } from './helpers/demo.ts';
import { temporaryDirectory } from './helpers/exporter.ts';
import { ROOT, run } from './helpers/program.ts';
import { assertPromtoolIsSilent, readWithPython, scrape } from './helpers/scrape.ts';
import { until } from './helpers/until.ts';

const FIRST_LOOK_MS = 10_000;
const ALL_LIFE_MS = 120_000;
const LOOK_EVERY_MS = 1_000;
const INSTALL_MS = 5 * 60_000;

type SignOfLife = (sample: Sample) => boolean;
const isThere: SignOfLife = () => true;
const isAboveZero: SignOfLife = ({ value }) => value > 0;
const hasCounted: SignOfLife = ({ name, value }) => name.endsWith('_count') && value > 0;

/** Every family that is promised, and what one of its series looks like when there is something to see. */
const LIFE: Readonly<Record<string, SignOfLife>> = {
  acr_scan_tags: isAboveZero,
  acr_scan_tag_status: isAboveZero,
  acr_scan_tag_status_since_timestamp_seconds: isAboveZero,
  acr_scan_tag_last_success_timestamp_seconds: isAboveZero,
  acr_scan_tag_poll_success: isAboveZero,
  acr_scan_tag_last_error_info: isAboveZero,
  acr_scan_tag_info: isAboveZero,
  acr_scan_duration_seconds: hasCounted,
  acr_api_requests_total: isAboveZero,
  acr_api_request_errors_total: ({ labels, value }) => labels.code === 'Throttling.User' && value > 0,
  acr_api_request_duration_seconds: hasCounted,
  acr_scheduler_due_tags: isThere,
  acr_scheduler_oldest_due_seconds: isThere,
  acr_scheduler_requests_in_flight: isThere,
  acr_scheduler_rate_limit_requests_per_second: isAboveZero,
  acr_scheduler_paused: isThere,
  acr_scan_exporter_build_info: isAboveZero,
  acr_scan_exporter_config_last_reload_successful: isAboveZero,
  acr_scan_exporter_config_last_reload_success_timestamp_seconds: isAboveZero,
  acr_scan_exporter_state_last_save_successful: isAboveZero,
  acr_scan_exporter_state_last_save_timestamp_seconds: isAboveZero,
  acr_scan_exporter_state_save_duration_seconds: isAboveZero,
  acr_scan_exporter_state_restored_tags: isThere,
  process_cpu_seconds_total: isAboveZero,
  nodejs_heap_size_used_bytes: isAboveZero,
};

/** The families of a page that show none, each by its name. */
function lifelessFamilies(page: string): readonly string[] {
  const { families } = parsePage(page);
  return Object.keys(LIFE).filter((name) => !families.get(name)?.samples.some(LIFE[name] ?? isThere));
}

function watchedTags(page: string, status: string): number {
  const samples = parsePage(page).families.get('acr_scan_tags')?.samples ?? [];
  return samples.filter(({ labels }) => labels.status === status).reduce((sum, { value }) => sum + value, 0);
}

/** The page as a user looks at it; empty while there is none. */
function curl(url: string): string {
  return run('curl', ['--silent', '--fail', url]).stdout;
}

test('a fresh clone shows scanning and complete tags in 10 s, every family alive in two minutes', async (t) => {
  t.timeout(10 * 60_000);
  const clone = cloneAndInstall(t);
  const startedMs = performance.now();
  const sinceStartMs = () => Math.round(performance.now() - startedMs);
  const { metricsUrl } = await startDemo(t, ['npm', 'run', 'demo', '--'], clone);
  await until('scanning and complete tags', FIRST_LOOK_MS - sinceStartMs(), () => {
    const page = curl(metricsUrl);
    return (watchedTags(page, 'scanning') > 0 && watchedTags(page, 'complete') > 0) || undefined;
  });
  t.log(`scanning and complete tags after ${sinceStartMs()} ms`);
  t.true(sinceStartMs() <= FIRST_LOOK_MS);

  let lifeless = lifelessFamilies(curl(metricsUrl));
  while (lifeless.length > 0 && sinceStartMs() < ALL_LIFE_MS) {
    await sleep(LOOK_EVERY_MS);
    lifeless = lifelessFamilies(curl(metricsUrl));
  }
  t.deepEqual(lifeless, []);
  t.log(`every family alive after ${sinceStartMs()} ms`);

  assertPromtoolIsSilent(t, await scrape(metricsUrl, 'text'));
  readWithPython(await scrape(metricsUrl, 'openmetrics'), 'openmetrics');
});

/** Does what the README says before the demo; returns the directory. */
function cloneAndInstall(t: ExecutionContext): string {
  const directory = join(temporaryDirectory(t), 'clone');
  const cloned = run('git', ['clone', '--quiet', ROOT, directory]);
  t.is(cloned.status, 0, cloned.stderr);
  const installed = run('npm', ['ci'], { cwd: directory, timeoutMs: INSTALL_MS });
  t.is(installed.status, 0, installed.stderr);
  return directory;
}
