/** What the interpreter checks before an access, for engines that check one at a time. */
import type { Machine } from './machine.js';
import { ProgramTrap } from './trap.js';

/** The context is the lowest region, on a page of its own: what lies below its end is the context, or nothing. */
const contextPages = 0x1000;

/** Throws ProgramTrap, with the interpreter's text, where a program may not access `size` bytes at `address`. `offset`: of the instruction, for the text. */
export function checkAccess(
  machine: Machine,
  address: bigint,
  size: number,
  access: 'read' | 'write' | 'atomic',
  offset: number,
): void {
  const { memory, ctx } = machine;
  const at = Number(address);
  const isRead = access === 'read';
  const inContext = at < ctx.start + contextPages;
  const fits = !inContext || (isRead && size === 4 && at % 4 === 0);
  const allowed = isRead ? memory.canRead(at, size) : memory.canWrite(at, size);
  if (fits && allowed) {
    if (access === 'atomic' && at % size !== 0) {
      throw new ProgramTrap({ kind: 'instruction', what: `misaligned access off ${offset} size ${size}` });
    }
    return;
  }
  if (at >= ctx.start && inContext) {
    throw new ProgramTrap({
      kind: 'instruction',
      what: `invalid bpf_context access off=${at - ctx.start} size=${size}`,
    });
  }
  throw new ProgramTrap({ kind: 'memory', fault: memory.explainFault(isRead ? 'read' : 'write', address, size) });
}
