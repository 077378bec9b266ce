/**
 * What a refused access is called: the interpreter checks where it executes, engines that check one access at a time
 * call {@link checkAccess}.
 */
import type { Trap } from './engine.js';
import type { Machine } from './machine.js';
import { ProgramTrap } from './trap.js';

/** The context is the lowest region, on a page of its own: what lies below its end is the context, or nothing. */
export const contextPages = 0x1000;

/** Why a program may not access `size` bytes at `address`. */
export function accessFault({ memory, lane }: Machine, address: bigint, size: number, access: 'read' | 'write'): Trap {
  const off = Number(address) - lane.ctx.start;
  // check_ctx_access: whole 4-byte fields, and none may be written.
  if (off >= 0 && off < contextPages)
    return { kind: 'instruction', what: `invalid bpf_context access off=${off} size=${size}` };
  return { kind: 'memory', fault: memory.explainFault(access, address, size) };
}

/** Linux refuses misaligned atomics wherever it can see the alignment. `offset`: of the instruction. */
export function misalignedAtomic(offset: number, size: number): Trap {
  return { kind: 'instruction', what: `misaligned access off ${offset} size ${size}` };
}

/**
 * Throws ProgramTrap where a program may not access `size` bytes at `address`. `offset`: of the instruction, for the
 * text.
 */
export function checkAccess(
  machine: Machine,
  address: bigint,
  size: number,
  access: 'read' | 'write' | 'atomic',
  offset: number,
): void {
  const { memory } = machine;
  const { ctx } = machine.lane;
  const at = Number(address);
  const isRead = access === 'read';
  const fits = at >= ctx.start + contextPages || (isRead && size === 4 && at % 4 === 0);
  const allowed = isRead ? memory.canRead(at, size) : memory.canWrite(at, size);
  if (!fits || !allowed) throw new ProgramTrap(accessFault(machine, address, size, isRead ? 'read' : 'write'));
  if (access === 'atomic' && at % size !== 0) throw new ProgramTrap(misalignedAtomic(offset, size));
}
