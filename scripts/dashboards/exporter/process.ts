// The row about the process and its scrapes.
import type { Section } from '../model.ts';
import { table, timeSeries } from '../panels.ts';
import { rate, select } from '../queries.ts';

/** One line for each exporter. */
const EACH = '{{instance}}';

export const PROCESS: Section = {
  title: 'Process',
  rows: [
    [
      timeSeries({
        title: 'CPU',
        description: 'Share of one core. Most of it is polls: about 1.3 ms each.',
        w: 8,
        h: 8,
        unit: 'percentunit',
        series: { [EACH]: `sum by (instance) (${rate('process_cpu_seconds_total')})` },
      }),
      timeSeries({
        title: 'Memory',
        description: 'Resident memory, and the part of it that is the used JavaScript heap.',
        w: 8,
        h: 8,
        unit: 'bytes',
        series: {
          'resident, {{instance}}': `max by (instance) (${select('process_resident_memory_bytes')})`,
          'heap, {{instance}}': `max by (instance) (${select('nodejs_heap_size_used_bytes')})`,
        },
      }),
      timeSeries({
        title: 'Event loop',
        description:
          'The delay of timers in the event loop: 99 % of them have at most this delay. Node.js measures it every 10 ms, so 10 ms means no delay.',
        w: 8,
        h: 8,
        unit: 's',
        series: { [EACH]: `max by (instance) (${select('nodejs_eventloop_lag_p99_seconds')})` },
      }),
    ],
    [
      timeSeries({
        title: 'Scrape duration',
        description: 'How long Prometheus needs for a scrape. A scrape never waits for the ACR API.',
        w: 5,
        h: 8,
        unit: 's',
        series: { [EACH]: `max by (instance) (${select('scrape_duration_seconds')})` },
      }),
      timeSeries({
        title: 'Samples',
        description: 'Samples in a scrape. `metrics.per_tag` can reduce them.',
        w: 5,
        h: 8,
        unit: 'short',
        series: { [EACH]: `max by (instance) (${select('scrape_samples_scraped')})` },
      }),
      timeSeries({
        title: 'File descriptors',
        description: 'Open files and connections, and their limit.',
        w: 5,
        h: 8,
        unit: 'percentunit',
        series: {
          [EACH]: `max by (instance) (${select('process_open_fds')} / ${select('process_max_fds')})`,
        },
      }),
      table({
        title: 'Builds',
        description: 'The running version, revision and Node.js, and since when.',
        w: 9,
        h: 8,
        exprs: [
          `max by (job, instance) (time() - ${select('process_start_time_seconds')})
  * on (job, instance) group_right () ${select('acr_scan_exporter_build_info')}`,
        ],
        columns: [
          { field: 'instance', heading: 'Exporter' },
          { field: 'version', heading: 'Version', width: 80 },
          { field: 'Value', heading: 'Up', width: 100, unit: 's' },
          { field: 'node_version', heading: 'Node.js', width: 95 },
          { field: 'revision', heading: 'Revision' },
        ],
        sortBy: 'Up',
      }),
    ],
  ],
};
