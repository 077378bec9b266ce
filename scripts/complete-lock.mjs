// Puts the optional packages of other platforms back into package-lock.json. npm leaves them out when the registry
// that it asked does not carry them, and `npm ci` then refuses the lock file anywhere. Run it after `npm install`.
// Platform and processor are told by the name.
import { readFileSync, writeFileSync } from 'node:fs';

const systems = [
  'darwin',
  'linux',
  'win32',
  'android',
  'freebsd',
  'openbsd',
  'netbsd',
  'sunos',
  'aix',
  'openharmony',
  'wasi',
];
const processors = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

const file = 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const hoisted = `node_modules/${name}`;
    if (path === '' || lock.packages[nested] !== undefined || lock.packages[hoisted] !== undefined) continue;
    const words = name.toLowerCase().split(/[/@.-]/);
    const os = systems.filter((word) => word !== 'wasi' && words.includes(word));
    const cpu = processors.filter((word) => words.includes(word) || (word === 'ppc64' && words.includes('ppc64le')));
    const made = { version: version.replace(/^[\^~]/, '') };
    if (entry.dev) made.dev = true;
    made.optional = true;
    if (os.length > 0) made.os = os;
    if (cpu.length > 0) made.cpu = cpu;
    if (words.includes('musl')) made.libc = ['musl'];
    lock.packages[hoisted] = made;
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added.length} packages added${added.length > 0 ? `: ${added.join(' ')}` : ''}`);
