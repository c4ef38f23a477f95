// Fields of a ScrapeConfig that its published types lack: types that have them need Node.js 22.
import type { IServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';

type Endpoint = IServiceMonitor['spec']['endpoints'][number];

export type ScrapeConfigFields = {
  readonly spec: Pick<Endpoint, 'basicAuth' | 'metricRelabelings' | 'params' | 'scrapeTimeout' | 'tlsConfig'> & {
    readonly scheme?: 'HTTP' | 'HTTPS';
    readonly scrapeInterval?: string;
  };
};
