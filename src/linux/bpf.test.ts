import { describe, expect, it } from 'vitest';
import { encodeInsns, type Insn, op } from '../isa/index.js';
import { Bpf } from './bpf.js';
import { possibleCpus } from './cpus.js';

/** This file needs a kernel that lets us use bpf(2); elsewhere it is reported as skipped. */
const bpf = Bpf.tryOpen();
const mov = (dst: number, imm: number): Insn => ({ code: op.ALU64 | op.MOV | op.K, dst, src: 0, off: 0, imm });
const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };

describe.skipIf(bpf === undefined)('bpf(2)', () => {
  const kernel = bpf as Bpf;

  it('loads a program and runs it on a packet', () => {
    const loaded = kernel.progLoad({ insns: encodeInsns([mov(0, 2), exit]), license: 'GPL', name: 'pass' });
    if (!('fd' in loaded)) throw new Error(loaded.log);
    const data = new Uint8Array(64).fill(7);
    const result = kernel.testRun(loaded.fd, { data });
    expect(result.status).toBe(0);
    expect(result.retval).toBe(2);
    expect([...result.data]).toEqual([...data]);
    expect(kernel.progInfo(loaded.fd)).toMatchObject({ name: 'pass' });
    expect(kernel.progInfo(loaded.fd).xlated.length).toBe(16);
    kernel.close(loaded.fd);
  });

  it('gives context back, metadata included', () => {
    const loaded = kernel.progLoad({ insns: encodeInsns([mov(0, 1), exit]), license: 'GPL' });
    if (!('fd' in loaded)) throw new Error(loaded.log);
    const ctx = new Uint8Array(24);
    const view = new DataView(ctx.buffer);
    view.setUint32(0, 8, true); // data: 8 bytes of metadata precede the packet
    view.setUint32(4, 8 + 60, true);
    const result = kernel.testRun(loaded.fd, { data: new Uint8Array(68), ctx });
    expect(result.status).toBe(0);
    expect(new DataView(result.ctx.buffer, result.ctx.byteOffset).getUint32(0, true)).toBe(8);
    kernel.close(loaded.fd);
  });

  it('shows the verifier log of a refused program', () => {
    const refused = kernel.progLoad({ insns: encodeInsns([exit]), license: 'GPL' });
    expect(refused).toMatchObject({ errno: 13 });
    expect('log' in refused && refused.log).toContain('R0 !read_ok');
  });

  it('updates, looks up, iterates and deletes map elements', () => {
    const fd = kernel.mapCreate({ type: 1, keySize: 4, valueSize: 8, maxEntries: 2, name: 'a-map' });
    const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);
    expect(kernel.mapUpdate(fd, key(1), new Uint8Array(8).fill(1))).toBe(0);
    expect(kernel.mapUpdate(fd, key(2), new Uint8Array(8).fill(2))).toBe(0);
    expect(kernel.mapUpdate(fd, key(3), new Uint8Array(8))).toBe(-7);
    expect(kernel.mapLookup(fd, key(2), 8)).toEqual(new Uint8Array(8).fill(2));
    expect([...kernel.mapKeys(fd, 4)].map((k) => k[0]).sort()).toEqual([1, 2]);
    expect(kernel.mapDelete(fd, key(1))).toBe(0);
    expect(kernel.mapLookup(fd, key(1), 8)).toBe(-2);
    kernel.close(fd);
  });

  it('has a value for each possible CPU in a per-CPU map', () => {
    const fd = kernel.mapCreate({ type: 6, keySize: 4, valueSize: 4, maxEntries: 1 });
    const values = Uint8Array.from({ length: possibleCpus() * 8 }, (_, i) => (i % 8 === 0 ? i / 8 + 1 : 0));
    expect(kernel.mapUpdate(fd, new Uint8Array(4), values)).toBe(0);
    expect(kernel.mapLookup(fd, new Uint8Array(4), values.length)).toEqual(values);
    kernel.close(fd);
  });
});
