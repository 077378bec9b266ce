/**
 * What an execution engine is to the rest of jitnic, and what one packet's run results in. Engines share a {@link
 * Machine}: same guest memory, same maps, same helpers.
 */
import type { LoadedProgram } from './load-programs.js';
import type { MemoryFault } from './region.js';

/**
 * Why a packet was stopped in the middle. Linux's verifier rules these out; here an unverified program runs into them.
 */
export type Trap =
  | { readonly kind: 'memory'; readonly fault: MemoryFault }
  /** Unknown or reserved opcode, jump out of the program, write to r10, ... */
  | { readonly kind: 'instruction'; readonly what: string }
  /** A helper refused its arguments in a way that Linux's verifier would have ruled out. */
  | { readonly kind: 'helper'; readonly what: string }
  /** More than 8 frames. */
  | { readonly kind: 'call depth'; readonly what: string }
  /** The budget of instructions ran out. */
  | { readonly kind: 'steps'; readonly what: string };

/** A trap with the place at which it happened. */
export interface TrapSite {
  readonly trap: Trap;
  readonly program: LoadedProgram;
  /** Slot of the instruction. */
  readonly insn: number;
}

/** Result of one run; engines reuse one object, so copy what must outlive the next packet. */
export interface Outcome {
  /** Low 32 bits of r0; XDP_ABORTED (0) after a trap. */
  verdict: number;
  /** Full r0, unsigned. */
  r0: bigint;
  trap: TrapSite | undefined;
  /** Instructions executed, all frames and tail calls included. */
  steps: number;
}

/** An outcome to be filled in, again and again: engines make none for each packet. */
export function newOutcome(): Outcome {
  return { verdict: 0, r0: 0n, trap: undefined, steps: 0 };
}

/**
 * Something that executes programs on one machine. After `run` the machine holds the packet as the program left it,
 * its maps and its outputs.
 */
export interface Engine {
  /** As `--engine` takes it. */
  readonly name: string;
  /** Runs `program` on the machine's current packet. Never throws for what the program does. */
  run(program: LoadedProgram): Outcome;
}

/** Eleven 64-bit registers, seen as u64, s64 and as u32 halves (low half of register i at 2 * i). */
export class Registers {
  readonly u64: BigUint64Array;
  readonly s64: BigInt64Array;
  readonly u32: Uint32Array;

  constructor() {
    this.u64 = new BigUint64Array(11);
    this.s64 = new BigInt64Array(this.u64.buffer);
    this.u32 = new Uint32Array(this.u64.buffer);
  }
}
