// A real Alertmanager with the shipped configuration, and a receiver for what it sends.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { formatDuration, parseDuration } from '../../../src/util/duration.ts';
import { temporaryDirectory } from './exporter.ts';
import { Program, ROOT } from './program.ts';
import { until } from './until.ts';

type Alert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/** One alert of a notification, as a receiver of webhooks gets it. */
export type Notification = Alert & { readonly receiver: string; readonly status: 'firing' | 'resolved' };
/** An alert as Alertmanager has it. */
export type KnownAlert = Alert & { readonly state: string; readonly inhibitedBy: readonly string[] };

type WebhookMessage = {
  readonly receiver: string;
  readonly alerts: readonly (Alert & { readonly status: 'firing' | 'resolved' })[];
};
type AlertsAnswer = readonly (Alert & {
  readonly status: { readonly state: string; readonly inhibitedBy: readonly string[] };
})[];

export class Alertmanager {
  /** Everything that was sent so far, in the order of arrival. */
  readonly notifications: Notification[] = [];
  readonly address: string;

  private constructor(address: string, notifications: Notification[]) {
    this.address = address;
    this.notifications = notifications;
  }

  /** Starts with the shipped configuration, in which only the durations and the receivers' URLs are replaced. */
  static async start(t: ExecutionContext, timeScale: number): Promise<Alertmanager> {
    const notifications: Notification[] = [];
    const receiver = await startReceiver(t, notifications);
    const directory = temporaryDirectory(t);
    const shipped = readFileSync(join(ROOT, 'config/alertmanager/alertmanager.yml'), 'utf8');
    const file = join(directory, 'alertmanager.yml');
    writeFileSync(
      file,
      shipped
        .replace(/(?<=_(?:wait|interval): )\S+/g, (text) => formatDuration((parseDuration(text) ?? 0) * timeScale))
        .replaceAll('http://localhost:9095', receiver),
    );
    const program = await Program.start(t, 'prometheus-alertmanager', [
      `--config.file=${file}`,
      `--storage.path=${join(directory, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
      '--cluster.listen-address=',
    ]);
    return new Alertmanager(await program.outputMatch(/msg="Listening on" address=(\S+)/), notifications);
  }

  /** Waits for a notification about an alert with these labels among its own. Looks only at what came after the first `after`. */
  async notified(
    status: Notification['status'],
    labels: Readonly<Record<string, string>>,
    withinMs: number,
    after = 0,
  ): Promise<Notification> {
    const wanted = Object.entries(labels);
    return until(`a notification: ${status} ${JSON.stringify(labels)}`, withinMs, () =>
      this.notifications
        .slice(after)
        .find((each) => each.status === status && wanted.every(([name, value]) => each.labels[name] === value)),
    );
  }

  /** Waits until an alert is silenced by another one, and gives the alert. */
  async inhibited(alertname: string, withinMs: number): Promise<KnownAlert> {
    return until(`an inhibited ${alertname}`, withinMs, async () => {
      const known = await this.alerts();
      return known.find(({ labels, inhibitedBy }) => labels.alertname === alertname && inhibitedBy.length > 0);
    });
  }

  /** The alerts that it has now, silenced ones included. */
  async alerts(): Promise<readonly KnownAlert[]> {
    const response = await fetch(`http://${this.address}/api/v2/alerts`);
    const alerts = (await response.json()) as AlertsAnswer;
    return alerts.map(({ status, ...alert }) => ({ ...alert, ...status }));
  }

  /** How many groups of alerts it still has something to send, or to keep back, of. */
  async groups(): Promise<number> {
    const page = await (await fetch(`http://${this.address}/metrics`)).text();
    return Number(/^alertmanager_dispatcher_aggregation_groups (\d+)$/m.exec(page)?.[1]);
  }
}

async function startReceiver(t: ExecutionContext, notifications: Notification[]): Promise<string> {
  const server = createServer(async (request, response) => {
    const { receiver, alerts } = (await json(request)) as WebhookMessage;
    for (const { status, labels, annotations } of alerts) notifications.push({ receiver, status, labels, annotations });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => close(server));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}
