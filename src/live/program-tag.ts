/**
 * A program's tag: the first 8 bytes of a hash over its instructions as they were loaded, with what differs from load
 * to load (both immediates of a map's load) left out. Linux hashes by SHA-256 since 6.18, by SHA-1 before
 * (bpf_prog_calc_tag in kernel/bpf/core.c).
 *
 * It is what makes taking over safe: instructions that have the kernel's tag are those that were loaded, however they
 * were found. Both halves of a map's load are zeroed, so the tag says nothing about which maps they are.
 */
import { createHash } from 'node:crypto';
import { encodeInsns, type Insn, loadsMap } from '../isa/index.js';

/** Tags that kernels give a program, 16 hex digits each: today's first. */
export function programTags(insns: readonly Insn[]): readonly string[] {
  const plain = insns.map((insn, at) => {
    const before = insns[at - 1];
    return loadsMap(insn) || (before !== undefined && loadsMap(before)) ? { ...insn, imm: 0 } : insn;
  });
  const bytes = encodeInsns(plain);
  return ['sha256', 'sha1'].map((kind) => createHash(kind).update(bytes).digest('hex').slice(0, 16));
}
