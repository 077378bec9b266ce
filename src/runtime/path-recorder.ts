/**
 * Runs packets with a card that holds every trace, and writes down which path each took: what caches of any size and
 * policy can then be simulated on (`src/cache/simulate.ts`).
 *
 * The simulation counts exactly the hits of a real run with a cache of that size and policy where that run records
 * every miss (`penalties: false`, hot loop 1), assumes nothing (`assume: false`) and joins at once (`countSides:
 * false`), because a trace that is in decides a packet no matter which others are in: path conditions of one program
 * exclude each other, and the state that they look at is the same in both runs. With penalties a run may leave misses
 * unrecorded, and has fewer installs; with assumptions or counted sides the same path may become another trace when it
 * is recorded again, once values of its maps, or packets on both sides of a branch, have been seen often enough.
 */
import { matchBits, ReferenceString } from '../cache/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { Session, type SessionOptions } from './session.js';

/** A session whose card never evicts, and the sequence of its paths. */
export class PathRecorder {
  /** Packets that run here are written down. */
  readonly session: Session;
  readonly reference: ReferenceString = new ReferenceString();

  /**
   * What `options` say of the cache is not looked at. `penalties`: default false; true spares the recordings at places
   * where they keep failing. Throws what {@link Session} throws.
   */
  constructor(object: ObjectSpec, program: ProgramSpec, options: SessionOptions = {}) {
    this.session = new Session(object, program, {
      ...options,
      card: true,
      cacheSize: Number.POSITIVE_INFINITY,
      cacheBits: undefined,
      regions: false,
      adaptive: undefined,
      policy: 'fifo',
      admission: 'always',
      hotloop: 1,
      penalties: options.penalties === true,
      assume: false,
      countSides: false,
    });
    this.session.runtime.onPath = (path) => {
      const trace = path === undefined || path.id < this.reference.paths ? undefined : path.trace;
      this.reference.add(path?.id, trace === undefined ? undefined : () => matchBits(trace.facts));
    };
  }
}
