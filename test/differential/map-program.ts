/**
 * XDP programs that call one map helper with what the packet holds, so that scenarios reach the program side of a
 * kernel map.
 */
import { encodeInsns, type Insn, op } from '../../src/isa/index.js';
import type { Bpf } from '../../src/linux/index.js';

/** Packet: 14 bytes of nothing, 2 more, the key at 16, the value at 32, the flags at 40. */
const keyAt = 16;
const valueAt = 32;
const flagsAt = 40;
const packetSize = 64;

const helpers = { lookup: 1, update: 2, delete: 3 } as const;

type Helper = keyof typeof helpers;

const memory = { 4: op.SIZE_W, 8: op.SIZE_DW } as const;

function insn(code: number, dst = 0, src = 0, off = 0, imm = 0): Insn {
  return { code, dst, src, off, imm };
}

/** Copies a field of 4 or 8 bytes, or a multiple of 4, from the packet (r6) to the stack. */
function copyField(from: number, size: number, to: number): Insn[] {
  const step = size === 8 ? 8 : 4;
  const insns: Insn[] = [];
  for (let at = 0; at < size; at += step) {
    insns.push(
      insn(op.LDX | op.MODE_MEM | memory[step], 1, 6, from + at),
      insn(op.STX | op.MODE_MEM | memory[step], 10, 1, to + at),
    );
  }
  return insns;
}

function assemble(helper: Helper, fd: number, keySize: number, valueSize: number): Insn[] {
  const body: Insn[] = [
    ...copyField(keyAt, keySize, -16),
    ...copyField(valueAt, valueSize, -24),
    insn(op.LDX | op.MODE_MEM | op.SIZE_DW, 4, 6, flagsAt),
    insn(op.LDDW, 1, 1, 0, fd),
    insn(0),
    insn(op.ALU64 | op.MOV | op.X, 2, 10),
    insn(op.ALU64 | op.ADD | op.K, 2, 0, 0, -16),
    insn(op.ALU64 | op.MOV | op.X, 3, 10),
    insn(op.ALU64 | op.ADD | op.K, 3, 0, 0, -24),
    insn(op.JMP | op.CALL, 0, 0, 0, helpers[helper]),
  ];
  if (helper === 'lookup') {
    // The value goes into the packet: r0 is the map's memory, the packet pointer was not invalidated.
    const step = valueSize === 8 ? 8 : 4;
    body.push(
      insn(op.JMP | op.JEQ | op.K, 0, 0, 3, 0),
      insn(op.LDX | op.MODE_MEM | memory[step], 1, 0, 0),
      insn(op.STX | op.MODE_MEM | memory[step], 6, 1, valueAt),
      insn(op.ALU64 | op.MOV | op.K, 0, 0, 0, 1),
    );
  }
  return [
    insn(op.LDX | op.MODE_MEM | op.SIZE_W, 6, 1, 0),
    insn(op.LDX | op.MODE_MEM | op.SIZE_W, 7, 1, 4),
    insn(op.ALU64 | op.MOV | op.X, 2, 6),
    insn(op.ALU64 | op.ADD | op.K, 2, 0, 0, packetSize),
    insn(op.ALU64 | op.MOV | op.K, 0, 0, 0, 0),
    insn(op.JMP | op.JGT | op.X, 2, 7, body.length),
    ...body,
    insn(op.EXIT_OP),
  ];
}

export class MapProgram {
  private readonly bpf: Bpf;
  private readonly fd: number;
  private readonly keySize: number;
  private readonly valueSize: number;
  private readonly programs = new Map<Helper, number>();
  private readonly packet = new Uint8Array(packetSize);

  constructor(bpf: Bpf, fd: number, keySize: number, valueSize: number) {
    this.bpf = bpf;
    this.fd = fd;
    this.keySize = keySize;
    this.valueSize = valueSize;
  }

  /** The value, or 0 where the helper gave a null pointer. */
  lookup(key: Uint8Array): Uint8Array | number {
    const result = this.call('lookup', key, undefined, 0);
    return result.retval === 0 ? 0 : result.data.slice(valueAt, valueAt + this.valueSize);
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.call('update', key, value, flags).retval | 0;
  }

  delete(key: Uint8Array): number {
    return this.call('delete', key, undefined, 0).retval | 0;
  }

  close(): void {
    for (const fd of this.programs.values()) this.bpf.close(fd);
  }

  private call(
    helper: Helper,
    key: Uint8Array,
    value: Uint8Array | undefined,
    flags: number,
  ): ReturnType<Bpf['testRun']> {
    this.packet.fill(0);
    this.packet.set(key, keyAt);
    if (value !== undefined) this.packet.set(value, valueAt);
    new DataView(this.packet.buffer).setBigUint64(flagsAt, BigInt(flags), true);
    const result = this.bpf.testRun(this.program(helper), { data: this.packet });
    if (result.status < 0) throw new Error(`test run: ${result.status}`);
    return result;
  }

  private program(helper: Helper): number {
    const known = this.programs.get(helper);
    if (known !== undefined) return known;
    const insns = encodeInsns(assemble(helper, this.fd, this.keySize, this.valueSize));
    const loaded = this.bpf.progLoad({ insns, license: 'GPL', name: `map_${helper}` });
    if (!('fd' in loaded)) throw new Error(loaded.log);
    this.programs.set(helper, loaded.fd);
    return loaded.fd;
  }
}
