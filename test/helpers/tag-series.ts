// The series of one tag and of the requests on a page of metrics.
import type { ParsedPage } from './exposition.ts';

type Labels = Readonly<Record<string, string>>;

export const POLL = { instance_id: 'cri-1', action: 'GetRepoTagScanStatus' };

/** 1 or 0: the last poll; undefined before the first. */
export function success(page: ParsedPage, tag: Labels): number | undefined {
  return page.value('acr_scan_tag_poll_success', tag);
}

/** 1 while the tag has the status. */
export function status(page: ParsedPage, tag: Labels, status: string): number | undefined {
  return page.value('acr_scan_tag_status', { ...tag, status });
}

/** Seconds since the epoch. */
export function since(page: ParsedPage, tag: Labels): number {
  return page.value('acr_scan_tag_status_since_timestamp_seconds', tag) ?? Number.NaN;
}

/** Seconds since the epoch; `NaN` before the first. */
export function lastSuccess(page: ParsedPage, tag: Labels): number {
  return page.value('acr_scan_tag_last_success_timestamp_seconds', tag) ?? Number.NaN;
}

/** The codes of all series that tell of a tag's last error: none or one. */
export function errorsOf(page: ParsedPage, tag: Labels): readonly (string | undefined)[] {
  return (page.families.get('acr_scan_tag_last_error_info')?.samples ?? [])
    .filter(({ labels }) => Object.entries(tag).every(([name, value]) => labels[name] === value))
    .map(({ labels }) => labels.code);
}

/** How many requests failed with a code. */
export function errors(page: ParsedPage, code: string, labels: Labels = POLL): number {
  return page.value('acr_api_request_errors_total', { ...labels, code }) ?? Number.NaN;
}

export function paused(page: ParsedPage, reason: 'refused' | 'throttled', credentials = 'default'): number | undefined {
  return page.value('acr_scheduler_paused', { credentials, reason });
}
