/**
 * What a register or a stack slot may point to, as sets: for analyses of a whole program that need no offsets but
 * those of the stack. Equal sets are one object, so that comparing costs nothing and joining two is done once.
 */

/**
 * Bits of `values` and `handles` are positions in the object's maps; the one behind the last stands for all maps that
 * the object does not name.
 */
export interface Pointees {
  /** Maps into whose values it may point. */
  readonly values: bigint;
  /** Maps that it may be. */
  readonly handles: bigint;
  /**
   * Stack frames, by where their function starts, with the distance from the frame's r10 in bytes; undefined: anywhere
   * in the frame.
   */
  readonly frames: ReadonlyMap<number, number | undefined>;
  /** Functions that it may be, by their first slot. */
  readonly functions: ReadonlySet<number>;
  readonly isContext: boolean;
  /** Memory that is neither a map's nor the stack's: the packet, a ring buffer's record, an object of the kernel. */
  readonly isOther: boolean;
}

const nothing: Pointees = {
  values: 0n,
  handles: 0n,
  frames: new Map(),
  functions: new Set(),
  isContext: false,
  isOther: false,
};

/** Makes sets and joins them; equal ones are one object. */
export class PointeeSets {
  /** A number: it points nowhere. */
  readonly none: Pointees;
  private readonly known = new Map<string, Pointees>();
  private readonly joined = new Map<Pointees, Map<Pointees, Pointees>>();

  constructor() {
    this.none = this.of({});
  }

  /** The set with these parts; the key names it by content. */
  of(parts: Partial<Pointees>): Pointees {
    const set = { ...nothing, ...parts };
    const key = [
      set.values,
      set.handles,
      [...set.frames].map(([frame, at]) => `${frame}:${at ?? ''}`).sort(),
      [...set.functions].sort(),
      set.isContext,
      set.isOther,
    ].join(' ');
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, set);
    return set;
  }

  /** The union. Each pair is joined once; later it is a look-up. */
  join(a: Pointees, b: Pointees): Pointees {
    if (a === b || b === this.none) return a;
    if (a === this.none) return b;
    let row = this.joined.get(a);
    if (row === undefined) {
      row = new Map();
      this.joined.set(a, row);
    }
    let both = row.get(b);
    if (both === undefined) {
      both = this.of({
        values: a.values | b.values,
        handles: a.handles | b.handles,
        frames: joinFrames(a.frames, b.frames),
        functions: new Set([...a.functions, ...b.functions]),
        isContext: a.isContext || b.isContext,
        isOther: a.isOther || b.isOther,
      });
      row.set(b, both);
    }
    return both;
  }

  /** The pointer, `distance` bytes on; undefined: some bytes, but inside of the same memory. */
  moved(set: Pointees, distance: number | undefined): Pointees {
    if (set.frames.size === 0) return set;
    const frames = new Map(
      [...set.frames].map(([frame, at]) => [
        frame,
        at === undefined || distance === undefined ? undefined : at + distance,
      ]),
    );
    return this.of({ ...set, frames });
  }
}

/** A frame at two distances is that frame anywhere. */
function joinFrames(a: Pointees['frames'], b: Pointees['frames']): Pointees['frames'] {
  const frames = new Map(a);
  for (const [frame, at] of b) frames.set(frame, frames.has(frame) && frames.get(frame) !== at ? undefined : at);
  return frames;
}
