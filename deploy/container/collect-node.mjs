// Creates a root file system for this Node.js: `node collect-node.mjs DIRECTORY`. It contains the program, the libraries that it is linked with, the
// dpkg records of their packages for image scanners, all licences, and a user without rights. It has no shell.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const NODE = '/usr/local/bin/node';
const NOBODY = 65532;

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error('expected a directory: node collect-node.mjs DIRECTORY');

// The report also has the program itself, and the library of the kernel, which is not a file.
const libraries = process.report
  .getReport()
  .sharedObjects.filter((path) => path.startsWith('/') && path !== process.execPath);

copy(process.execPath, NODE);
for (const library of libraries) copy(library, library);
copyWhatExists('/usr/local/LICENSE');
// Scanners recognise Debian's release by one of these.
for (const file of ['/etc/os-release', '/etc/debian_version']) copyWhatExists(file);
for (const [name, record] of packageRecords(libraries)) {
  write(`/var/lib/dpkg/status.d/${name}`, record);
  copyLicence(`/usr/share/doc/${name}/copyright`);
}
write('/etc/nsswitch.conf', 'hosts: files dns\n');
write('/etc/passwd', `root:x:0:0:root:/:/sbin/nologin\nnonroot:x:${NOBODY}:${NOBODY}:nonroot:/:/sbin/nologin\n`);
write('/etc/group', `root:x:0:\nnonroot:x:${NOBODY}:\n`);
mkdirSync(join(root, 'tmp'));
chmodSync(join(root, 'tmp'), 0o1777);

function copy(from, to) {
  mkdirSync(join(root, dirname(to)), { recursive: true });
  copyFileSync(from, join(root, to));
}

function copyWhatExists(path) {
  if (existsSync(path)) copy(path, path);
}

/** The licence of a package, with the licences that it refers to. */
function copyLicence(path) {
  if (!existsSync(path)) return;
  copy(path, path);
  const others = readFileSync(path, 'utf8').match(/\/usr\/share\/common-licenses\/\w[\w.-]*\w/g) ?? [];
  for (const other of new Set(others)) copyWhatExists(other);
}

function write(path, text) {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** The Debian packages of files, with their records; none without dpkg. */
function packageRecords(files) {
  // Without the folder: dpkg may list the same file in /lib or in /usr/lib.
  const owners = dpkgQuery('--search', ...files.map((file) => `*/${basename(file)}`));
  const names = new Set([...owners.matchAll(/^([^:,\s]+)(?::\w+)?: \S+$/gm)].map(([, name]) => name));
  return [...names].map((name) => [name, dpkgQuery('--status', name)]);
}

function dpkgQuery(...args) {
  return spawnSync('dpkg-query', args, { encoding: 'utf8' }).stdout ?? '';
}
