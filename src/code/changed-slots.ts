/**
 * Which slots of two versions of a program are not the same. The two are put side by side, as `diff` does with lines:
 * a longest common sequence of instructions, with jumps that go to the same place in both. A run that comes by no slot
 * that has changed does the same in both, as long as maps and data are the same.
 */
import { type Insn, isLddw, jumpTarget, op } from '../isa/index.js';
import { distanceField } from './rewrite.js';

/** For each slot of a version 1 where it has changed. */
export interface ChangedSlots {
  readonly old: Uint8Array;
  readonly fresh: Uint8Array;
}

/** Slots that come and go, above which what lies between equal beginnings and ends counts as changed. */
const mostEdits = 1500;

/** `mapOf`: what the old version calls a map of the new one. */
export function changedSlots(
  old: readonly Insn[],
  fresh: readonly Insn[],
  mapOf: (index: number) => number,
): ChangedSlots {
  const [left, right] = [old.map((insn, pc) => word(old, insn, pc, (map) => map)), [] as string[]];
  for (const [pc, insn] of fresh.entries()) right.push(word(fresh, insn, pc, mapOf));
  const partner = pairs(left, right);
  const result = { old: new Uint8Array(old.length).fill(1), fresh: new Uint8Array(fresh.length).fill(1) };
  for (const [pc, at] of partner) {
    const [a, b] = [targetOf(old[pc], pc), targetOf(fresh[at], at)];
    if (a !== undefined && b !== undefined && partner.get(a) !== b) continue;
    result.old[pc] = 0;
    result.fresh[at] = 0;
  }
  return result;
}

/** Equal for instructions that do the same, wherever they stand. */
function word(insns: readonly Insn[], insn: Insn, pc: number, mapOf: (index: number) => number): string {
  const { code, dst, src, off, imm } = insn;
  const before = insns[pc - 1];
  if (before !== undefined && isLddw(before) && code === 0) return `... ${imm}`;
  const field = distanceField(insn);
  const isMap = isLddw(insn) && (src === op.PSEUDO_MAP_FD || src === op.PSEUDO_MAP_VALUE);
  return [code, dst, src, field === 'off' ? '' : off, field === 'imm' ? '' : isMap ? mapOf(imm) : imm].join();
}

/** Where it goes or what it points to. */
function targetOf(insn: Insn | undefined, pc: number): number | undefined {
  if (insn === undefined) return undefined;
  const field = distanceField(insn);
  if (field === undefined) return undefined;
  return field === 'off' || insn.code === op.JA32_OP ? jumpTarget(insn, pc) : pc + 1 + insn.imm;
}

/** Slots that go together, from the old version to the new one: Myers' greedy algorithm between equal ends. */
function pairs(a: readonly string[], b: readonly string[]): Map<number, number> {
  const found = new Map<number, number>();
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    found.set(start, start);
    start++;
  }
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) found.set(--endA, --endB);
  const [n, m] = [endA - start, endB - start];
  // Of each round the furthest row of the old version on each diagonal, by which the way back is found.
  const rounds: Int32Array[] = [];
  const most = Math.min(n + m, mostEdits);
  const furthest = new Int32Array(2 * most + 3);
  const middle = most + 1;
  for (let edits = 0; edits <= most; edits++) {
    rounds.push(furthest.slice());
    for (let k = -edits; k <= edits; k += 2) {
      const isDown = k === -edits || (k !== edits && at(furthest, middle + k - 1) < at(furthest, middle + k + 1));
      let x = isDown ? at(furthest, middle + k + 1) : at(furthest, middle + k - 1) + 1;
      while (x < n && x - k < m && a[start + x] === b[start + x - k]) x++;
      furthest[middle + k] = x;
      if (x >= n && x - k >= m) {
        traceBack(rounds, edits, k, n, middle, (x0, y0) => found.set(start + x0, start + y0));
        return found;
      }
    }
  }
  return found;
}

function at(list: Int32Array, index: number): number {
  return list[index] ?? 0;
}

/** Every pair of the common sequence that ends after `edits` rounds on diagonal `k`, in row `n`. */
function traceBack(
  rounds: readonly Int32Array[],
  edits: number,
  k: number,
  n: number,
  middle: number,
  pair: (x: number, y: number) => void,
): void {
  let [x, diagonal] = [n, k];
  for (let round = edits; round >= 0; round--) {
    const before = rounds[round] as Int32Array;
    const isDown =
      diagonal === -round ||
      (diagonal !== round && at(before, middle + diagonal - 1) < at(before, middle + diagonal + 1));
    const from = round === 0 ? 0 : isDown ? at(before, middle + diagonal + 1) : at(before, middle + diagonal - 1) + 1;
    for (; x > from; x--) pair(x - 1, x - 1 - diagonal);
    if (round === 0) return;
    if (isDown) diagonal++;
    else {
      x--;
      diagonal--;
    }
  }
}
