// What the end-to-end tests need of the machine, and how it gets there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Debian's own. One that comes earlier on the PATH would not see the modules that Debian's packages bring. */
export const PYTHON = '/usr/bin/python3';

/** A Debian package, and a command that only ends with status 0 where it is installed, and then tells the version. */
type Need = {
  readonly package: string;
  readonly check: readonly [command: string, ...args: string[]];
  /** An older one does not do. */
  readonly atLeast?: string;
  /** Where else to get it, for a Debian that has only an older one. */
  readonly elsewhere?: string;
};

/** A later test that needs one more program needs one more line here. */
const NEEDS: readonly Need[] = [
  { package: 'chromium', check: ['chromium', '--version'] },
  { package: 'curl', check: ['curl', '--version'] },
  // Its kustomize knows components and labels.
  {
    package: 'kubernetes-client',
    check: ['kubectl', 'version', '--client'],
    atLeast: '1.27',
    elsewhere: 'kubectl from https://kubernetes.io/docs/tasks/tools/',
  },
  { package: 'iproute2', check: ['ip', '-V'] },
  { package: 'git', check: ['git', '--version'] },
  { package: 'openssl', check: ['openssl', 'version'] },
  { package: 'procps', check: ['ps', '--version'] },
  { package: 'prometheus', check: ['prometheus', '--version'] },
  { package: 'prometheus-alertmanager', check: ['prometheus-alertmanager', '--version'] },
  {
    package: 'python3-prometheus-client',
    check: [PYTHON, '-c', 'import importlib.metadata as packages; print(packages.version("prometheus_client"))'],
  },
  { package: 'systemd', check: ['systemd-analyze', '--version'] },
];

/** The packages that are missing. */
export function missingPackages(): readonly string[] {
  return missingNeeds().map((need) => need.package);
}

/** What is to be said of the missing packages besides their names. */
export function otherSources(): readonly string[] {
  return missingNeeds().flatMap(({ package: name, atLeast, elsewhere }) =>
    elsewhere === undefined ? [] : [`${name} at least ${atLeast}, or ${elsewhere}`],
  );
}

/** The packages with their versions, for the record of a test run. */
export function packageVersions(): readonly string[] {
  return NEEDS.map((need) => `${need.package} ${versionOf(need) ?? ''}`);
}

/** Whether this process may install Debian packages. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version');
}

/** Installs Debian packages. What comes of it shows in {@link missingPackages}: a source that cannot be read may not matter. */
export function install(packages: readonly string[]): void {
  const waitForOthers = ['-o', 'DPkg::Lock::Timeout=300'];
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    spawnSync('apt-get', [...waitForOthers, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
}

function missingNeeds(): readonly Need[] {
  return NEEDS.filter((need) => {
    const version = versionOf(need);
    return version === undefined || isOlder(version, need.atLeast ?? '0');
  });
}

function versionOf({ check: [command, ...args] }: Need): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? (/\d+(\.\d+)*/.exec(stdout)?.[0] ?? '') : undefined;
}

function isOlder(version: string, limit: string): boolean {
  return version !== limit && version.localeCompare(limit, 'en', { numeric: true }) < 0;
}
