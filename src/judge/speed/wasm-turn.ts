/**
 * Compiled code's figure: the module's packet loop over a batch of packets that lie in guest memory, each with a
 * record of its own. One record again and again would measure something else: a program that writes its packet would
 * wait, packet after packet, for the store of the one before. The batch is small enough for the first-level cache,
 * where the one packet of the kernel's test run is.
 */
import { WasmEngine } from '../../jit/index.js';
import type { Settings } from '../../opt/index.js';
import { xdpMd } from '../../platform/index.js';
import { Verdicts } from '../../verifier/index.js';
import {
  columnsOf,
  type LoadedProgram,
  type Machine,
  PacketArena,
  packetMoves,
  programsBehind,
} from '../../vm/index.js';
import { cpuTime, type Turn, timed, wallTime } from './clock.js';

/** A program compiled and ready to be timed. */
export interface WasmTurn {
  readonly turn: Turn;
  /** First call to first verdict, in milliseconds. */
  readonly compileMs: number;
  readonly codeBytes: number;
  readonly verdict: () => number;
}

/** Packets of a batch: few enough for the first-level cache. */
export const batch = 192;
/** Calls between two looks at the clock. */
const calls = 64;

/** How far packets of a length lie apart in a batch: on cache lines of their own. */
export const packetStride = (length: number): number => Math.ceil(length / 64) * 64;

/** A turn of `seconds` for someone else who runs the batch a number of times. */
export function batchTurn(seconds: number, run: (calls: number) => void): Turn {
  return () => timed(seconds, calls * batch, () => run(calls));
}

/**
 * `changes`: the program changes its packet, so the batch is put back before each call, while the clock stands.
 * Undefined, and a note: the program is not compiled.
 */
export function wasmTurn(
  machine: Machine,
  program: LoadedProgram,
  packet: Uint8Array,
  options: {
    readonly seconds: number;
    readonly changes: boolean;
    readonly notes: string[];
    readonly settings: Settings | undefined;
  },
): WasmTurn | undefined {
  const verdicts = Verdicts.of(machine.object);
  // The verifier's time is not the compiler's.
  verdicts.accepts(...programsBehind(program, machine.programs).map(({ spec }) => spec));
  const start = cpuTime();
  const engine = new WasmEngine(machine, { verdicts, settings: options.settings });
  const compiled = engine.compile(program);
  if (compiled === undefined) {
    options.notes.push(`wasm: ${engine.fallbacks.map(({ what, insn }) => `insn ${insn}: ${what}`).join('; ')}`);
    return undefined;
  }
  const compileMs = (cpuTime() - start) / 1e6;
  const moves = packetMoves(program, machine.programs);
  const stride = packetStride(packet.length);
  const windowBytes = batch * stride;
  const arena = new PacketArena(machine, {
    moves,
    capacity: batch,
    windowBytes,
    frameBytes: batch * 2 * (4096 + stride),
  });
  const copies = new Uint8Array(windowBytes);
  for (let i = 0; i < batch; i++) copies.set(packet, i * stride);
  const lengths = new Array<number>(batch).fill(packet.length);
  const columns = columnsOf(lengths, { stride, now: machine.lane.now });
  arena.ingressIfindex = machine.lane.contextField(xdpMd.ingressIfindex);
  const restore = (): void => {
    arena.clear();
    arena.load(copies);
    arena.add(columns, 0, batch, 0);
  };
  restore();
  const run = (): void => {
    engine.runBatch(program, arena, 0, batch);
  };
  const turn = options.changes
    ? (): number => restoredTurn(options.seconds, restore, run)
    : batchTurn(options.seconds, (times) => {
        for (let i = 0; i < times; i++) run();
      });
  return { turn, compileMs, codeBytes: compiled.module.bytes.length, verdict: () => arena.verdict(0) };
}

/** What looking at the clock takes is measured as well, and taken off. */
function restoredTurn(seconds: number, restore: () => void, run: () => void): number {
  const times: number[] = [];
  const clock: number[] = [];
  const start = cpuTime();
  do {
    for (let i = 0; i < calls; i++) {
      restore();
      const before = wallTime();
      run();
      const after = wallTime();
      times.push(after - before);
      clock.push(wallTime() - after);
    }
  } while (cpuTime() - start < 1e9 * seconds);
  return (middle(times) - middle(clock)) / batch;
}

/** Median: an interrupt in one call must not count. */
function middle(list: number[]): number {
  list.sort((a, b) => a - b);
  return list[list.length >> 1] ?? 0;
}
