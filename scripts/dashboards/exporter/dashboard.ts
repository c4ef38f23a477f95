// The dashboard of the exporter: credentials, requests, quota, late polls, discovery, events, process, replicas.
import { EXPORTER_UID, OVERVIEW_UID, RUNBOOK_LINK } from '../links.ts';
import type { Dashboard } from '../model.ts';
import { API } from './api.ts';
import { DISCOVERY } from './discovery.ts';
import { EVENTS } from './events.ts';
import { FIRST_SCREEN } from './first-screen.ts';
import { POLLS } from './polls.ts';
import { PROCESS } from './process.ts';
import { QUOTA } from './quota.ts';
import { REPLICAS } from './replicas.ts';

export const EXPORTER_DASHBOARD: Dashboard = {
  uid: EXPORTER_UID,
  title: 'ACR image scans / Exporter',
  description:
    'The state of acr-scan-exporter: requests to the ACR API and their errors, the quota and the tags that wait for it, discovery, events, the process, replicas. Requests of replicas are summed, because all of them count against the quota.',
  links: [
    { title: 'Overview', tooltip: 'Scans, vulnerabilities and how fresh they are', url: `/d/${OVERVIEW_UID}` },
    RUNBOOK_LINK,
  ],
  sections: [FIRST_SCREEN, API, QUOTA, POLLS, DISCOVERY, EVENTS, PROCESS, REPLICAS],
};
