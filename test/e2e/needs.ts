// What the end-to-end tests need of the machine, and how it gets there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { versionIn } from './versions.ts';

/** Debian's own. One that comes earlier on the PATH would not see the modules that Debian's packages bring. */
export const PYTHON = '/usr/bin/python3';

/** A Debian package, and a command that only ends with status 0 where it is installed, and then tells the version. */
type Need = {
  readonly package: string;
  readonly check: readonly [command: string, ...args: string[]];
};

/** A later test that needs one more program needs one more line here. */
const NEEDS: readonly Need[] = [
  { package: 'chromium', check: ['chromium', '--version'] },
  { package: 'curl', check: ['curl', '--version'] },
  { package: 'iproute2', check: ['ip', '-V'] },
  { package: 'git', check: ['git', '--version'] },
  { package: 'nginx-light', check: ['nginx', '-v'] },
  { package: 'openssl', check: ['openssl', 'version'] },
  { package: 'procps', check: ['ps', '--version'] },
  { package: 'prometheus', check: ['prometheus', '--version'] },
  { package: 'prometheus-alertmanager', check: ['prometheus-alertmanager', '--version'] },
  {
    package: 'python3-prometheus-client',
    check: [PYTHON, '-c', 'import importlib.metadata as packages; print(packages.version("prometheus_client"))'],
  },
  { package: 'redis-server', check: ['redis-server', '--version'] },
  { package: 'tinyproxy', check: ['tinyproxy', '-v'] },
  { package: 'systemd', check: ['systemd-analyze', '--version'] },
];

/** The packages that are missing. */
export function missingPackages(): readonly string[] {
  return NEEDS.filter((need) => versionOf(need) === undefined).map((need) => need.package);
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

function versionOf({ check: [command, ...args] }: Need): string | undefined {
  return versionIn(command, args);
}
