/**
 * Arithmetic on ranges, remembered. Most paths bring an instruction the operands of an earlier one, and mostly as the
 * same objects: loads yield one range a width, constants are kept (scalar.ts), and a remembered result is one object
 * again, which makes the operands of the next instruction the same. So a look by identity finds nearly all, and what
 * the paths have in common is computed once. Ranges are values, so nothing needs to be copied.
 */
import type { Scalar } from './scalar.js';

/** Results of one instruction for one pair of operands. */
interface Remembered {
  readonly a: Scalar;
  readonly b: Scalar | undefined;
  readonly result: Scalar;
  /** What a comparison says of its second operand; the result again where there is one result. */
  readonly second: Scalar;
}

/** Pairs of operands remembered for an instruction. */
const kept = 4;

/** The latest results of each instruction, for one kind of arithmetic. */
export class RangeMemo {
  private readonly results: (Remembered[] | undefined)[] = [];

  /** What the instruction at slot `pc` made of these operands before. */
  find(pc: number, a: Scalar, b: Scalar | undefined): Remembered | undefined {
    const list = this.results[pc];
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      const known = list[i] as Remembered; // i is in range
      if (known.a === a && known.b === b) return known;
    }
    return undefined;
  }

  /** Remembers, and forgets the oldest of several. */
  keep(pc: number, a: Scalar, b: Scalar | undefined, result: Scalar, second: Scalar = result): Remembered {
    let list = this.results[pc];
    if (list === undefined) {
      list = [];
      this.results[pc] = list;
    }
    if (list.length === kept) list.pop();
    const known: Remembered = { a, b, result, second };
    list.unshift(known);
    return known;
  }
}

/** One for each kind of arithmetic that an instruction may do. */
export interface RangeMemos {
  readonly alu: RangeMemo;
  readonly pointers: RangeMemo;
  /** What a comparison teaches where it holds, and where it does not. */
  readonly taken: RangeMemo;
  readonly fallThrough: RangeMemo;
}

/** Nothing is remembered yet. */
export function rangeMemos(): RangeMemos {
  return { alu: new RangeMemo(), pointers: new RangeMemo(), taken: new RangeMemo(), fallThrough: new RangeMemo() };
}
