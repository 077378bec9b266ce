/**
 * Stack addresses as numbers: frame `depth` lies at [1024 * depth, 1024 * depth + 512), r10 at its end, so an address
 * says its frame and a multiple of 8 is one in memory too. No machine has them there (jit/place.ts knows where).
 */
import { maxOpenFrames, stackSize } from '../platform/index.js';
import { isConst, signed, type Value } from './value.js';

const frameSpan = 1024;

/** Lowest byte of the frame of call depth `depth`, in the addresses of this file. */
export function frameStart(depth: number): number {
  return depth * frameSpan;
}

/** Call depth of the frame that an address lies in. */
export function depthOf(address: number): number {
  return Math.floor(address / frameSpan);
}

/** The byte at `offset`, which is negative, from the top of a frame. */
export function stackAddress(depth: number, offset: number): number {
  return frameStart(depth) + stackSize + offset;
}

/** Do [address, address + size) lie in one frame? */
export function isInFrame(address: number, size: number): boolean {
  const depth = depthOf(address);
  const start = frameStart(depth);
  return depth >= 0 && depth < maxOpenFrames && address >= start && address + size <= start + stackSize;
}

/** The address that a value is, if it is a frame pointer plus a constant. */
export function directAddress(value: Value): number | undefined {
  if (value.op === 'frame') return frameStart(Number(value.imm)) + stackSize;
  if (value.op !== 'add' && value.op !== 'sub') return undefined;
  const [a, b] = value.args as [Value, Value];
  if (!isConst(b)) return undefined;
  const base = directAddress(a);
  if (base === undefined) return undefined;
  return base + Number(value.op === 'add' ? signed(b.imm) : -signed(b.imm));
}
