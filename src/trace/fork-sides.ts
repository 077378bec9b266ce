/**
 * Which sides of forks on state packets take. A join (record-fork.ts) computes both sides for every packet, which pays
 * where both are taken: else each history of the maps is a trace of its own. Where packets only ever go one way, a
 * guard costs one comparison and the other side nothing. So a fork is guarded at first, and joined once the rarer side
 * has had its share of the packets that came by. What counts are recordings and the packets of traces that guard
 * there; never a clock. A trace that has to leave before it has paid counts for as many packets as its recording took
 * time: where one side is rare but full of histories, they drive each other off the card.
 *
 * From then on it stays joined, in every recording: two traces that have come the same way part on one guard, and a
 * trace that still guards there would take packets of the new one. Such traces are told by {@link ForkSides.overtaken}
 * and have to leave.
 */
import { isConditionalJump } from '../isa/index.js';
import type { LoadedProgram } from '../vm/index.js';
import type { RecordedTrace } from './recording.js';

/** One packet in so many has to take the rarer side. */
const rare = 8;
/** A trace that leaves before it has decided so many packets was recorded in vain. */
const worthwhile = 16;
/** Packets that take as long as a recording. */
const recordingPackets = 16_384;

/** The jump of a fork, and which side packets take: where its comparison holds or the other one. */
interface Turn {
  readonly fork: number;
  readonly holds: boolean;
}

/** What a recorder asks and tells. */
export interface ForkRule {
  /** A recording begins; what was told of one that came to nothing is forgotten. */
  begin(): void;
  /** Is the fork at that jump to be joined? `holds`: how its comparison comes out for the packet that is recorded. */
  admits(program: LoadedProgram, pc: number, holds: boolean): boolean;
  /** The fork was joined. */
  join(program: LoadedProgram, pc: number): void;
  /** The recording has become a trace. */
  commit(): void;
}

/** `T`: traces on a card, with the packets that they have decided. */
export class ForkSides<T extends { readonly packets: number }> implements ForkRule {
  /** By fork: recordings, and packets of traces that have left, for which its comparison failed and held. */
  private readonly past = new Map<number, [number, number]>();
  private readonly joined = new Set<number>();
  /** Traces on the card, with the forks at which they have a guard. */
  private readonly holders = new Map<T, readonly Turn[]>();
  // Of the recording that is being made; what is given up counts for nothing.
  private turns: Turn[] = [];
  private opening: number[] = [];
  /** Joined since {@link overtaken} was asked last. */
  private fresh = new Set<number>();

  begin(): void {
    this.turns = [];
    this.opening = [];
  }

  admits(program: LoadedProgram, pc: number, holds: boolean): boolean {
    const fork = forkId(program, pc);
    if (this.joined.has(fork)) return true;
    const [others, held] = this.weights(fork);
    this.turns.push({ fork, holds });
    return Math.min(others + (holds ? 0 : 1), held + (holds ? 1 : 0)) * rare >= others + held + 1;
  }

  join(program: LoadedProgram, pc: number): void {
    const fork = forkId(program, pc);
    if (!this.joined.has(fork)) this.opening.push(fork);
  }

  commit(): void {
    for (const { fork, holds } of this.turns) this.count(fork, holds, 1);
    for (const fork of this.opening) {
      this.joined.add(fork);
      this.fresh.add(fork);
    }
    this.begin();
  }

  /** A trace is on the card. */
  add(holder: T, trace: RecordedTrace): void {
    this.holders.set(holder, turnsOf(trace));
  }

  /** It has left; what it has decided goes on to count, or what recording it took where that was in vain. */
  remove(holder: T): void {
    this.forget(holder, holder.packets < worthwhile ? recordingPackets : holder.packets);
  }

  /** Traces that guard at a fork which has been joined since the last call. */
  overtaken(): T[] {
    const { fresh } = this;
    if (fresh.size === 0) return [];
    this.fresh = new Set();
    const overtaken = [...this.holders].filter(([, turns]) => turns.some(({ fork }) => fresh.has(fork)));
    // They were not in vain: their packets have shown what the sides are worth.
    for (const [holder] of overtaken) this.forget(holder, holder.packets);
    return overtaken.map(([holder]) => holder);
  }

  private forget(holder: T, packets: number): void {
    for (const { fork, holds } of this.holders.get(holder) ?? []) this.count(fork, holds, packets);
    this.holders.delete(holder);
  }

  private count(fork: number, holds: boolean, packets: number): void {
    const counts = this.past.get(fork) ?? [0, 0];
    counts[holds ? 1 : 0] += packets;
    this.past.set(fork, counts);
  }

  private weights(fork: number): readonly [number, number] {
    const weights: [number, number] = [...(this.past.get(fork) ?? ([0, 0] as const))];
    for (const [{ packets }, turns] of this.holders)
      for (const turn of turns) if (turn.fork === fork) weights[turn.holds ? 1 : 0] += packets;
    return weights;
  }
}

function forkId(program: LoadedProgram, pc: number): number {
  // A program has a million instructions at most.
  return program.index * 2 ** 20 + pc;
}

/** The jumps at which a trace has a guard on the way that its packets go; those of forks that it joins left out. */
function turnsOf({ history: { guards, snapshots, joins } }: RecordedTrace): Turn[] {
  const joinedAt = new Set(joins.map(({ step }) => step));
  return guards.flatMap((guard, i) => {
    const at = snapshots[i];
    const insn = at?.program.insns[at.pc];
    if (at === undefined || insn === undefined || !isConditionalJump(insn) || joinedAt.has(at.step)) return [];
    const { detail } = guard;
    return detail?.kind === 'guard' ? [{ fork: forkId(at.program, at.pc), holds: detail.expect }] : [];
  });
}
