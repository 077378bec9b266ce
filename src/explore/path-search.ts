/**
 * A search for more paths than some packets take: each guard of each trace is turned round and a packet made that
 * leaves the trace there (condition/steer.ts), or bits that the condition speaks of are flipped; a packet that takes a
 * new path joins in. Breadth first, so that a budget is spread over all paths.
 *
 * It knows no session: who runs packets, and from which state each of them starts, is behind a port.
 */
import { type MapKeys, packetSupport, steered } from '../condition/index.js';
import { Prng } from '../packet/index.js';
import type { RecordedTrace } from '../trace/index.js';

/** Runs packets for a search. */
export interface PathRunner {
  /** The recording of a path that no packet before took; undefined where it is known, or cannot be recorded. */
  run(data: Uint8Array): RecordedTrace | undefined;
  /** Keys that are in a map, which look-ups can be steered to. */
  readonly keysOf: MapKeys;
}

/** A path, and the packet that found it. */
export interface FoundPath {
  readonly trace: RecordedTrace;
  readonly packet: Uint8Array;
}

/** Bits of a packet that are flipped for each path. */
const flips = 6;

/** Finds paths from those that are there. */
export class PathSearch {
  /** In the order in which they were found. */
  readonly found: FoundPath[] = [];
  /** Packets that were made. */
  tried = 0;
  private readonly runner: PathRunner;
  private readonly random: Prng;
  private next = 0;

  constructor(runner: PathRunner, seed: number) {
    this.runner = runner;
    this.random = new Prng(seed);
  }

  /** Runs a packet; its path joins in if it is new. */
  add(packet: Uint8Array): void {
    const trace = this.runner.run(packet);
    if (trace !== undefined) this.found.push({ trace, packet });
  }

  /** Makes packets until there is no path left to leave, or `budget` packets were made in all. */
  explore(budget: number): void {
    // Paths are added on the way.
    for (; this.next < this.found.length && this.tried < budget; this.next++) {
      for (const packet of this.turns(this.found[this.next] as FoundPath)) {
        if (this.tried === budget) return;
        this.tried++;
        this.add(packet);
      }
    }
  }

  /** True when every path was left at every guard. */
  get isDone(): boolean {
    return this.next >= this.found.length;
  }

  private *turns({ trace, packet }: FoundPath): Generator<Uint8Array> {
    // The guards that it shares with its parent were turned there.
    for (const guard of trace.history.guards.slice(trace.start?.guards ?? 0))
      yield* steered(guard, packet, this.runner.keysOf);
    const support = packetSupport(trace.facts);
    const mentioned = Array.from({ length: packet.length * 8 }, (_, bit) => bit).filter((bit) => support.has(bit));
    for (let i = 0; i < flips && mentioned.length > 0; i++) {
      const bit = this.random.pick(mentioned);
      const data = packet.slice();
      data[bit >> 3] = (data[bit >> 3] as number) ^ (1 << (bit & 7));
      yield data;
    }
  }
}
