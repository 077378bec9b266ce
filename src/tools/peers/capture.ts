/**
 * End to end: whole processes with a capture of packets of 64 bytes through ipv6-filter, ours beside a C program with
 * libpcap and the peer's machine code. Processor time of all threads, from the start of the process to its end.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../base/index.js';
import { standardPacket } from '../../judge/speed/index.js';
import { readObject } from '../../object/index.js';
import { buildPcapPeer, openKoffi } from './build.js';
import type { Row } from './row.js';

/** What the package runs. */
const main = fileURLToPath(new URL('../../bundle/main.cjs', import.meta.url));
const object = fileURLToPath(new URL('../../../bench/programs/ipv6-filter.o', import.meta.url));

/** Packets, and at most which share of the peer's time. */
const sizes = [
  { packets: 1_000_000, most: 2, rounds: 7 },
  { packets: 10_000_000, most: 0.6, rounds: 3 },
];

/** How ours is started: what a user types, and compiled code alone. */
const ways = [
  { name: 'default', args: [] },
  { name: '--engine wasm', args: ['--engine', 'wasm'] },
] as const;

/** A row for each size up to `packets`, and each way in which ours is started. */
export function captureRows(folder: string, packets: number): Row[] {
  const spec = readObject(readFileSync(object), { name: object });
  const [program] = spec.programs;
  if (program === undefined) throw new InputError(`${object}: no program`);
  const peer = buildPcapPeer(folder, program, spec.maps);
  const rows: Row[] = [];
  for (const { packets: count, most, rounds } of sizes) {
    if (count > packets) continue;
    const capture = join(folder, 'capture.pcap');
    writeCapture(capture, count);
    // The first run of each is not counted: it makes what ours keeps, and brings the file into memory.
    // Certificates that the environment has Node read before it runs anything are no part of ours.
    const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
    const env = { ...environment, JITNIC_CACHE: join(folder, 'cache') };
    const commands = [
      [peer, capture],
      ...ways.map(({ args }) => [process.execPath, main, 'run', object, '-r', capture, '-q', ...args]),
    ];
    const times = commands.map((): number[] => []);
    for (let round = 0; round <= rounds; round++)
      for (const [i, command] of commands.entries()) {
        const seconds = timeChild(command, env);
        if (round > 0) times[i]?.push(seconds);
      }
    const [theirs = 0, ...ours] = times.map(median);
    for (const [i, { name }] of ways.entries()) {
      const seconds = ours[i] ?? 0;
      console.log(`${count} packets, ${name}: ${seconds.toFixed(3)} s, libpcap and peer ${theirs.toFixed(3)} s`);
      rows.push({ name: `${count} packets from a capture, ${name}`, measured: seconds / theirs, most });
    }
  }
  return rows;
}

/** A pcap file with the standard packet, at one a microsecond. */
function writeCapture(path: string, packets: number): void {
  const packet = standardPacket();
  // Microseconds (0xa1b2c3d4), version 2.4, at most 262,144 bytes a packet, Ethernet (1).
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(1, 20);
  const size = 16 + packet.length;
  const chunk = Buffer.alloc(size * 10_000);
  for (let i = 0; i < 10_000; i++) chunk.set(packet, i * size + 16);
  const file = openSync(path, 'w');
  try {
    writeSync(file, header);
    for (let i = 0; i < packets; i += 10_000) {
      const count = Math.min(10_000, packets - i);
      for (let k = 0; k < count; k++) {
        chunk.writeUInt32LE(Math.floor((i + k) / 1e6), k * size);
        chunk.writeUInt32LE((i + k) % 1_000_000, k * size + 4);
        chunk.writeUInt32LE(packet.length, k * size + 8);
        chunk.writeUInt32LE(packet.length, k * size + 12);
      }
      writeSync(file, chunk, 0, count * size);
    }
  } finally {
    closeSync(file);
  }
}

/** Processor time in seconds that a child and its threads took: getrusage(RUSAGE_CHILDREN) around it. */
function timeChild([command = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): number {
  const before = childrenSeconds();
  const { status, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
  if (status !== 0) throw new InputError(`${command} ${args.join(' ')}: exit ${status}: ${stderr}`);
  return childrenSeconds() - before;
}

/** `struct rusage`: two `timeval`s (seconds, microseconds; user, then system), then 14 numbers that nobody reads. */
const usage = new BigInt64Array(18);
let getrusage: ((...args: unknown[]) => number) | undefined;

/** Seconds of all children that have been waited for; RUSAGE_CHILDREN is -1. */
function childrenSeconds(): number {
  getrusage ??= openKoffi().load(null).func('int getrusage(int, int64_t *)');
  const children = -1;
  if (getrusage(children, usage) !== 0) throw new InputError('getrusage failed');
  const [user = 0n, userMicro = 0n, system = 0n, systemMicro = 0n] = usage;
  return Number(user + system) + Number(userMicro + systemMicro) / 1e6;
}

/** Rounds are odd in number. */
function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;
}
