// The row about the API: requests, errors, latency.
import type { Section } from '../model.ts';
import { QUANTILE_OVERRIDES } from '../palette.ts';
import { table, timeSeries } from '../panels.ts';
import { quantile, rate, select } from '../queries.ts';

const LATENCY = 'acr_api_request_duration_seconds';
const FIRST_OF_A_CODE =
  'The first error of a code since the start of the exporter is missing unless it is Throttling.User, NoPrivilege, SystemError or RequestTimeout: other codes have no series before it.';

export const API: Section = {
  title: 'API',
  rows: [
    [
      timeSeries({
        title: 'Requests by operation',
        description:
          'Requests to the ACR API per second. GetRepoTagScanStatus is a poll, GetRepoTagScanSummary requests vulnerabilities, GetRepository looks up a name or id, and the lists are for discovery.',
        w: 8,
        h: 9,
        unit: 'reqps',
        look: 'stacked',
        series: { '{{action}}': `sum by (action) (${rate('acr_api_requests_total')})` },
      }),
      timeSeries({
        title: 'Errors by code',
        description: `Failed requests per second, by the code of the API or the exporter (docs/metrics.md). ${FIRST_OF_A_CODE}`,
        w: 8,
        h: 9,
        unit: 'reqps',
        look: 'bars',
        series: { '{{code}}': `sum by (code) (${rate('acr_api_request_errors_total')}) > 0` },
      }),
      timeSeries({
        title: 'Latency',
        description:
          'The time from sending a request to its parsed answer or its error: 50 % of the requests took at most p50, 99 % at most p99.',
        w: 8,
        h: 9,
        unit: 's',
        series: { p50: quantile(0.5, LATENCY), p90: quantile(0.9, LATENCY), p99: quantile(0.99, LATENCY) },
        overrides: QUANTILE_OVERRIDES,
      }),
    ],
    [
      table({
        title: 'Errors in this range',
        description: `The 50 most frequent errors in the time range of the dashboard, as Prometheus extrapolates them. ${FIRST_OF_A_CODE}`,
        w: 12,
        h: 8,
        noValue: 'No error is known',
        exprs: [
          `topk(50, round(sum by (instance_id, action, code) (increase(${select('acr_api_request_errors_total')}[$__range]))) > 0)`,
        ],
        columns: [
          { field: 'code', heading: 'Code' },
          { field: 'action', heading: 'Operation' },
          { field: 'instance_id', heading: 'ACR instance' },
          { field: 'Value', heading: 'Errors', width: 110, unit: 'none' },
        ],
        sortBy: 'Errors',
      }),
      timeSeries({
        title: 'Latency by operation',
        description: 'The time that 90 % of the requests of each operation took at most.',
        w: 12,
        h: 8,
        unit: 's',
        legend: 'right',
        series: { '{{action}}': quantile(0.9, LATENCY, 'action') },
      }),
    ],
  ],
};
