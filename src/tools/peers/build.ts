/**
 * Peers out of C: what a program was translated to, the loop around it or libpcap, compiled by clang at -O3.
 *
 * The program is a module of its own, without knowledge of its caller: a JIT compiler does not see the loop around its
 * code either, so nothing is inlined or moved out of the loop. Memory of packets lies below 4 GiB, since the context's
 * fields `data` and `data_end` have 32 bits.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, UnsupportedError } from '../../base/index.js';
import type { MapSpec, ProgramSpec } from '../../object/index.js';
import { translateToC } from './translate.js';

const sources = fileURLToPath(new URL('../../../bench/peers', import.meta.url));

/** The compiler whose LLVM stands for the JIT compilers that are built on it. */
export const compiler: string = process.env['PEER_CC'] ?? 'clang-16';

/** As a JIT compiler has it: this processor's instructions, and nothing known of who calls. */
const options = ['-O3', '-march=native', '-fno-strict-aliasing', '-w', '-I', sources];

/** Writes the program's module into `folder` and returns its path. */
function writeModule(folder: string, program: ProgramSpec, maps: readonly MapSpec[]): string {
  const file = join(folder, `${program.name}.c`);
  writeFileSync(file, translateToC(program, maps));
  return file;
}

/** Throws UnsupportedError where there is no compiler, InputError with its words where it refuses. */
function compile(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(compiler, [...options, ...args], { encoding: 'utf8' });
  if (error !== undefined) throw new UnsupportedError(`the peers need ${compiler}: ${error.message}`);
  if (status !== 0) throw new InputError(`${compiler} ${args.join(' ')}: ${stderr}`);
}

/** The program that reads a capture with libpcap and runs `program` on each packet; returns its path. */
export function buildPcapPeer(folder: string, program: ProgramSpec, maps: readonly MapSpec[]): string {
  const module = writeModule(folder, program, maps);
  const path = join(folder, `${program.name}-pcap`);
  // Not position-independent: its heap lies below 4 GiB, where a context can name packets.
  compile(['-no-pie', '-fno-pie', '-o', path, module, join(sources, 'pcap.c'), join(sources, 'helpers.c'), '-lpcap']);
  return path;
}

/** A program compiled by the peer, and a batch of packets. */
export interface LoopPeer {
  /** Runs the batch `calls` times. */
  run(calls: number): void;
  /** What the program returned for the first packet, the last time. */
  verdict(): number;
  /** Bytes of the first packet. */
  packet(): Uint8Array;
}

/** What is used of a library that koffi has opened: a function by its C prototype. */
interface Library {
  func(signature: string): (...args: unknown[]) => number;
}

/** Native code is called through koffi, as everywhere. */
export function openKoffi(): { load(path: string | null): Library } {
  try {
    return createRequire(import.meta.url)('koffi') as { load(path: string | null): Library };
  } catch {
    throw new UnsupportedError('the peers are called through the optional package `koffi`, which is not installed');
  }
}

/** Loads the program into this process, with `count` copies of the packet. */
export function openLoopPeer(
  folder: string,
  program: ProgramSpec,
  maps: readonly MapSpec[],
  { packet, count, stride }: { readonly packet: Uint8Array; readonly count: number; readonly stride: number },
): LoopPeer {
  const module = writeModule(folder, program, maps);
  const path = join(folder, `${program.name}.so`);
  // A module and a loop that are compiled apart: the call stays one.
  compile([
    '-shared',
    '-Wl,-Bsymbolic',
    '-fPIC',
    '-o',
    path,
    module,
    join(sources, 'helpers.c'),
    join(sources, 'loop.c'),
  ]);
  const library = openKoffi().load(path);
  if (
    library.func('int peer_fill(const uint8_t *, uint32_t, uint32_t, uint32_t)')(
      packet,
      packet.length,
      stride,
      count,
    ) !== 0
  )
    throw new InputError('the peer found no memory below 4 GiB');
  const run = library.func('void peer_run(uint32_t)');
  const verdict = library.func('uint32_t peer_verdict()');
  const copy = library.func('void peer_packet(uint8_t *, uint32_t)');
  return {
    run: (calls) => void run(calls),
    verdict: () => verdict(),
    packet: () => {
      const bytes = new Uint8Array(packet.length);
      copy(bytes, bytes.length);
      return bytes;
    },
  };
}
