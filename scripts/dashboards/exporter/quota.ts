// The row about the quota: what it allows, what is used, and what waits.
import type { Section } from '../model.ts';
import { limits } from '../palette.ts';
import { timeSeries } from '../panels.ts';
import { rate, select } from '../queries.ts';
import { FOR_CREDENTIALS } from './first-screen.ts';

const rateLimit = (kind: string) =>
  `sum by (credentials) (${select('acr_scheduler_rate_limit_requests_per_second', `kind="${kind}"`)})`;

export const QUOTA: Section = {
  title: 'Quota',
  rows: [
    [
      timeSeries({
        title: 'Requests and what is allowed',
        description:
          'Requests per second that are sent, and the limits: as configured, and at present, which is lower after throttling. Replicas are summed. The limits are for all selected sets of credentials: the selected ACR instance does not filter them.',
        w: 8,
        h: 9,
        unit: 'reqps',
        series: {
          'configured, {{credentials}}': rateLimit('configured'),
          'allowed now, {{credentials}}': rateLimit('current'),
          sent: `sum(${rate('acr_api_requests_total')})`,
        },
        overrides: [limits('/^configured/')],
      }),
      timeSeries({
        title: 'Due tags',
        description: `Tags that are due to be polled and wait for the quota: urgent tags have a running scan or no answer so far, the others are background. A number that stays high is more than the quota allows. ${FOR_CREDENTIALS}`,
        w: 8,
        h: 9,
        unit: 'none',
        series: {
          '{{class}}, {{credentials}}': `sum by (credentials, class) (${select('acr_scheduler_due_tags')})`,
        },
      }),
      timeSeries({
        title: 'Longest overdue',
        description: `How long the most overdue tag has been due. AcrPollingBehind alerts on it from a minute for urgent ones and 10 minutes for the others. ${FOR_CREDENTIALS}`,
        w: 8,
        h: 9,
        unit: 's',
        series: {
          '{{class}}, {{credentials}}': `max by (credentials, class) (${select('acr_scheduler_oldest_due_seconds')})`,
        },
      }),
    ],
    [
      timeSeries({
        title: 'Throttled requests',
        description: 'Requests per second that the API throttled. Throttling halves the present rate.',
        w: 8,
        h: 8,
        unit: 'reqps',
        look: 'bars',
        series: {
          '{{instance_id}}': `sum by (instance_id) (${rate('acr_api_request_errors_total', 'code=~".*Throttling.*|HttpStatus_429|HttpStatus_503"')})`,
        },
      }),
      timeSeries({
        title: 'Pauses',
        description: `1 while only probes are sent: because the credentials are refused, or because the API asked for a delay when it throttled. ${FOR_CREDENTIALS}`,
        w: 8,
        h: 8,
        unit: 'none',
        decimals: 0,
        max: 1,
        look: 'steps',
        series: { '{{reason}}, {{credentials}}': `max by (credentials, reason) (${select('acr_scheduler_paused')})` },
      }),
      timeSeries({
        title: 'Requests in flight',
        description: `Requests under way, at most \`max_concurrent\` for each replica. ${FOR_CREDENTIALS}`,
        w: 8,
        h: 8,
        unit: 'none',
        series: { '{{credentials}}': `sum by (credentials) (${select('acr_scheduler_requests_in_flight')})` },
      }),
    ],
  ],
};
