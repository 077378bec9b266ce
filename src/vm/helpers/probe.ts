/** Reads through pointers that bpf_rdonly_cast made of anything. */
import { contextPages } from '../access-check.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { u32, u64 } from './helper.js';

/**
 * The `size` (1, 2, 4, 8) bytes at any address, zero-extended; 0 where a program may not read. The context is the
 * kernel's own structure there, which jitnic has not.
 */
export function probe({ memory, lane }: Machine, address: bigint, size: number): bigint {
  if (address < BigInt(lane.ctx.start + contextPages) || address > 0xffffffffn) return 0n;
  return memory.canRead(Number(address), size) ? (memory.peek(address, size) ?? 0n) : 0n;
}

/** The step `probe`: (address, size). */
export function probeRead(machine: Machine, registers: Registers): void {
  registers.u64[0] = probe(machine, u64(registers, 1), u32(registers, 2));
}

/** bpf_rdonly_cast(pointer, type): the pointer as it is. */
export function rdonlyCast(_machine: Machine, registers: Registers): void {
  registers.u64[0] = u64(registers, 1);
}
