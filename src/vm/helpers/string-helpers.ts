/** Text: comparison and numbers (kernel/bpf/helpers.c). */
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { setSigned, setUnsigned, u32, u64 } from './helper.js';

/** bpf_strncmp: r1 of r2 bytes against the string r3: -1, 0 or 1. */
export function strncmp(machine: Machine, registers: Registers): void {
  const size = u32(registers, 2);
  const left = machine.readable(registers, 1, size);
  const right = u32(registers, 3);
  let result = 0;
  for (let i = 0; i < size; i++) {
    if (!machine.memory.canRead(right + i, 1) || registers.u32[7] !== 0) machine.readable(registers, 3, i + 1);
    const a = machine.memory.load8(left + i);
    const b = machine.memory.load8(right + i);
    if (a !== b) result = a < b ? -1 : 1;
    if (a !== b || a === 0) break;
  }
  setSigned(registers, result);
}

interface Parsed {
  /** Characters up to the end of the number. */
  readonly consumed: number;
  readonly negative: boolean;
  readonly magnitude: bigint;
}

/**
 * __bpf_strtoull: the number at the start of `text`, or a negated error. The base is given or, with 0, told by its
 * prefix.
 */
function parseNumber(text: string, flags: bigint): Parsed | number {
  const base = Number(flags);
  if (text.length === 0 || ![0, 8, 10, 16].includes(base)) return -errno.EINVAL;
  const [, lead = '', sign = ''] = /^([\t-\r ]*)(-?)/.exec(text) ?? [];
  // Linux looks at 63 characters of the number and no more.
  const rest = text.slice(lead.length + sign.length).slice(0, 63);
  const isHex = /^0[xX][0-9a-fA-F]/.test(rest);
  const radix = base !== 0 ? base : isHex ? 16 : rest.startsWith('0') ? 8 : 10;
  const prefix = radix === 16 && /^0[xX]/.test(rest) ? 2 : 0;
  const pattern = radix === 16 ? /^[0-9a-fA-F]+/ : radix === 8 ? /^[0-7]+/ : /^[0-9]+/;
  const digits = pattern.exec(rest.slice(prefix))?.[0];
  if (digits === undefined) return -errno.EINVAL;
  let magnitude = 0n;
  for (const digit of digits) magnitude = magnitude * BigInt(radix) + BigInt(Number.parseInt(digit, 16));
  if (magnitude >= 1n << 64n) return -errno.ERANGE;
  return { consumed: lead.length + sign.length + prefix + digits.length, negative: sign === '-', magnitude };
}

function textArgument(machine: Machine, registers: Registers): string {
  const size = u32(registers, 2);
  return String.fromCharCode(...machine.memory.read(machine.readable(registers, 1, size), size));
}

/** bpf_strtol(buf, len, flags, res): characters consumed, or the error. */
export function strtol(machine: Machine, registers: Registers): void {
  const text = textArgument(machine, registers);
  const to = machine.writable(registers, 4, 8);
  machine.memory.store64(to, 0n);
  const parsed = parseNumber(text, u64(registers, 3));
  if (typeof parsed === 'number') setSigned(registers, parsed);
  else if (parsed.magnitude > (1n << 63n) - (parsed.negative ? 0n : 1n)) setSigned(registers, -errno.ERANGE);
  else {
    machine.memory.store64(to, BigInt.asUintN(64, parsed.negative ? -parsed.magnitude : parsed.magnitude));
    setUnsigned(registers, parsed.consumed);
  }
}

/** bpf_strtoul: as {@link strtol}, and a sign is an error. */
export function strtoul(machine: Machine, registers: Registers): void {
  const text = textArgument(machine, registers);
  const to = machine.writable(registers, 4, 8);
  machine.memory.store64(to, 0n);
  const parsed = parseNumber(text, u64(registers, 3));
  if (typeof parsed === 'number') setSigned(registers, parsed);
  else if (parsed.negative) setSigned(registers, -errno.EINVAL);
  else {
    machine.memory.store64(to, parsed.magnitude);
    setUnsigned(registers, parsed.consumed);
  }
}

/** bpf_get_current_comm: the idle task's name (see `idleTask`). */
export function getCurrentComm(machine: Machine, registers: Registers): void {
  const size = u32(registers, 2);
  const to = machine.writable(registers, 1, size);
  const name = `swapper/${machine.lane.cpu}`;
  machine.memory.fill(to, 0, size);
  for (let i = 0; i < Math.min(name.length, size - 1); i++) machine.memory.store8(to + i, name.charCodeAt(i));
  setUnsigned(registers, 0);
}
