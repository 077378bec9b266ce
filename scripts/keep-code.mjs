/**
 * Writes `NAME.code` beside the joined files of the command line: what V8 has compiled of them by the time that the
 * usual commands have run (src/cli/bundle.ts).
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openBundle } from '../dist/cli/bundle.js';

const examples = fileURLToPath(new URL('../examples/', import.meta.url));
const [object, capture] = [`${examples}load-balancer/load-balancer.o`, `${examples}load-balancer/traffic.pcap`];
const maps = `${examples}load-balancer/load-balancer.maps.json`;

/** Each of them is what someone waits for. */
const commands = [
  ['--version'],
  ['show', object],
  ['disasm', object],
  ['verify', object],
  ['ir', object],
  ['run', object, '-r', capture, '--maps-in', maps],
  ['run', object, '-r', capture, '--maps-in', maps, '--no-card', '-O3'],
  ['trace', object, '-r', capture, '--maps-in', maps],
];

const directory = new URL('../dist/bundle/', import.meta.url);
const bundle = openBundle(directory);
const { runCli } = bundle.load('program.cjs');
const host = {
  out: () => {},
  err: (text) => process.stderr.write(text),
  outIsTerminal: false,
  errIsTerminal: false,
  width: 100,
  env: { JITNIC_CACHE: 'off' },
  stdin: () => process.stdin,
  onInterrupt: () => {},
};
for (const command of commands) {
  const exit = await runCli([...command, '-q'], host);
  if (exit !== 0) throw new Error(`jitnic ${command.join(' ')}: exit ${exit}`);
}
for (const [name, script] of bundle.scripts) {
  writeFileSync(new URL(`${name}.code`, directory), script.createCachedData());
}
