// The certificates of EventBridge, which the exporter fetches from a host of Alibaba Cloud: a module in its process answers in place of that host.
import { z } from 'zod';
import type { Probe } from './processes.ts';
import type { CertificateFetch } from './record.ts';

/** Where EventBridge keeps the certificates of the region of all instances. */
export const TRUSTED_ORIGIN = 'https://cn-hangzhou-eventbridge.oss-accelerate.aliyuncs.com';

/** What the host has: `/simulator.pem` is the certificate of the simulator at this URL, `/forger.pem` the public key of this program. */
export type CertificateSource = { readonly simulator: string; readonly forger: string };

const fetchMessage = z.object({ certificateUrl: z.string() });

/** Notes everything that a life of the process fetches as a certificate. */
export function certificateProbe(fetches: CertificateFetch[], life: number, source: CertificateSource): Probe {
  const query = new URLSearchParams({ origin: TRUSTED_ORIGIN, ...source });
  return {
    preload: `${new URL('certificate-probe.mjs', import.meta.url).href}?${query}`,
    onMessage: (message) => {
      const { data } = fetchMessage.safeParse(message);
      if (data !== undefined) fetches.push({ life, url: data.certificateUrl, at: Date.now() });
    },
  };
}
