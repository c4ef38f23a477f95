// The dashboard of the scans: what is wrong, and where.
import { EXPORTER_UID, OVERVIEW_UID, RUNBOOK_LINK } from '../links.ts';
import type { Dashboard } from '../model.ts';
import { FIRST_SCREEN } from './first-screen.ts';
import { FRESHNESS } from './freshness.ts';
import { SCANS } from './scans.ts';
import { VULNERABILITIES } from './vulnerabilities.ts';

export const OVERVIEW_DASHBOARD: Dashboard = {
  uid: OVERVIEW_UID,
  title: 'ACR image scans / Overview',
  description:
    'Image scans of Alibaba Cloud Container Registry from acr-scan-exporter: what is wrong, and where. The parts of several replicas are added up.',
  links: [
    { title: 'Exporter', tooltip: 'API, quota, discovery and process of the exporter', url: `/d/${EXPORTER_UID}` },
    RUNBOOK_LINK,
  ],
  sections: [FIRST_SCREEN, SCANS, VULNERABILITIES, FRESHNESS],
};
