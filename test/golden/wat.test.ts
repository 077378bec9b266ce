/**
 * The WebAssembly text of a dozen small programs, as the verified ones are compiled: one for each thing that code
 * generation knows.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import wabtFactory from 'wabt';
import { WasmEngine } from '../../src/jit/index.js';
import { assemble, type ObjectSpec, readObject } from '../../src/object/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import { Machine } from '../../src/vm/index.js';
import { expectGolden } from './golden.js';

const wabt = await wabtFactory();

/** Leaves with XDP_PASS unless the packet has `bytes`; its start is in r6. */
const packet = (bytes: number): string => `
    r6 = *(u32 *)(r1 + 0)
    r7 = *(u32 *)(r1 + 4)
    r2 = r6
    r2 += ${bytes}
    r0 = 2
    if r2 > r7 goto out`;

const key = `
    *(u32 *)(r10 - 4) = r3
    r2 = r10
    r2 += -4`;

interface Program {
  readonly what: string;
  readonly maps?: string;
  readonly body: string;
  /** Other sections and functions. */
  readonly more?: string;
}

const programs: Readonly<Record<string, Program>> = {
  constant: { what: 'a verdict', body: 'r0 = 1\n exit' },
  bytes: {
    what: 'byte loads that make a word, stores that make one, a swap of byte order',
    body: `${packet(34)}
      r0 = *(u8 *)(r6 + 12)
      r0 <<= 8
      r3 = *(u8 *)(r6 + 13)
      r0 |= r3
      r4 = *(u32 *)(r6 + 26)
      r4 = be32 r4
      *(u16 *)(r6 + 0) = 0
      *(u16 *)(r6 + 2) = 0
      *(u32 *)(r6 + 30) = r4
    out: exit`,
  },
  branches: {
    what: 'ways that part and meet',
    body: `${packet(20)}
      r3 = *(u32 *)(r6 + 16)
      r0 = 1
      if r3 == 0 goto out
      if w3 s> 5 goto more
      r0 = r3
      goto out
    more: r0 = 3
      r0 += r3
    out: exit`,
  },
  loop: {
    what: 'a loop, its sum carried around',
    body: `${packet(64)}
      r0 = 0
      r4 = 0
    again: r3 = r6
      r3 += r4
      r3 = *(u8 *)(r3 + 0)
      r0 += r3
      r4 += 1
      if r4 < 64 goto again
    out: exit`,
  },
  entries: {
    what: 'a loop of two entries',
    body: `${packet(14)}
      r3 = *(u8 *)(r6 + 0)
      r0 = 5
      if r3 > 9 goto second
    first: r0 -= 1
      if r0 == 0 goto out
    second: r0 -= 1
      r3 += 1
      if r3 > 200 goto out
      if r0 != 0 goto first
    out: exit`,
  },
  division: {
    what: 'division by what may be 0, a shift by what may be 64',
    body: `${packet(32)}
      r3 = *(u64 *)(r6 + 0)
      r4 = *(u64 *)(r6 + 8)
      r3 /= r4
      r5 = *(u32 *)(r6 + 16)
      r0 = *(u32 *)(r6 + 20)
      w0 s%= w5
      r3 <<= r0
      r0 = r3
    out: exit`,
  },
  array: {
    what: 'a counter in an array: arithmetic and one comparison',
    maps: '.map counts type=array key=4 value=8 max_entries=16',
    body: `${packet(14)}
      r3 = *(u8 *)(r6 + 0)${key}
      r1 = counts ll
      call bpf_map_lookup_elem
      if r0 == 0 goto miss
      r1 = 1
      lock *(u64 *)(r0 + 0) += r1
    miss: r0 = 2
    out: exit`,
  },
  hash: {
    what: 'a look-up in a hash map of keys of 4 bytes',
    maps: '.map flows type=lru_hash key=4 value=8 max_entries=16',
    body: `${packet(14)}
      r3 = *(u32 *)(r6 + 0)${key}
      r1 = flows ll
      call bpf_map_lookup_elem
      if r0 == 0 goto miss
      r0 = *(u32 *)(r0 + 4)
      exit
    miss: r0 = 2
    out: exit`,
  },
  trie: {
    what: 'a longest prefix match',
    maps: '.map routes type=lpm_trie key=8 value=4 max_entries=16 flags=1',
    body: `${packet(34)}
      r3 = *(u32 *)(r6 + 30)${key}
      *(u32 *)(r10 - 8) = 32
      r2 += -4
      r1 = routes ll
      call bpf_map_lookup_elem
      if r0 == 0 goto miss
      r0 = *(u32 *)(r0 + 0)
      exit
    miss: r0 = 2
    out: exit`,
  },
  redirect: {
    what: 'a redirect through a map',
    maps: '.map ports type=devmap key=4 value=4 max_entries=8',
    body: `
      r2 = *(u32 *)(r1 + 16)
      r1 = ports ll
      r3 = 1
      call bpf_redirect_map
      exit`,
  },
  head: {
    what: 'a packet that grows, and the context after it',
    body: `
      r6 = r1
      r2 = -4
      call bpf_xdp_adjust_head
      r1 = r0
      r0 = 1
      if r1 != 0 goto out
      r2 = *(u32 *)(r6 + 0)
      r3 = *(u32 *)(r6 + 4)
      r4 = r2
      r4 += 18
      if r4 > r3 goto out
      *(u32 *)(r2 + 0) = 0
      r0 = 3
    out: exit`,
  },
  call: {
    what: 'a function of the program, and a helper in JavaScript',
    maps: '.map events type=ringbuf max_entries=4096',
    body: `
      r1 = *(u32 *)(r1 + 12)
      call double
      *(u64 *)(r10 - 8) = r0
      r1 = events ll
      r2 = r10
      r2 += -8
      r3 = 8
      r4 = 0
      call bpf_ringbuf_output
      r0 = 2
      exit`,
    more: `
      .section .text
      .type double, @function
      double: r0 = r1
      r0 += r1
      exit`,
  },
  tail: {
    what: 'a tail call',
    maps: '.map jumps type=prog_array key=4 value=4 max_entries=2\n.slot 1, other',
    body: `
      r2 = jumps ll
      r3 = 1
      call bpf_tail_call
      r0 = 1
      exit`,
    more: `
      .section xdp/other
      .globl other
      other: r0 = 2
      exit`,
  },
};

function objectOf(name: string): ObjectSpec {
  const { maps = '', body, more = '' } = programs[name] as Program;
  return assemble(`.license "GPL"\n${maps}\n.section xdp\n.globl main\nmain:${body}\n${more}\n`, { name });
}

function moduleOf(object: ObjectSpec, program: string): Uint8Array {
  const machine = new Machine(object);
  const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), names: true });
  const loaded = machine.programs.find(({ spec }) => spec.name === program);
  if (loaded === undefined) throw new Error(`no program ${program}`);
  const compiled = engine.compile(loaded);
  if (compiled === undefined) throw new Error(engine.fallbacks.map(({ what }) => what).join('; '));
  return compiled.module.bytes;
}

describe('compiled code of', () => {
  test.each(Object.entries(programs))('%s', (name, { what }) => {
    const module = wabt.readWasm(moduleOf(objectOf(name), 'main'), { readDebugNames: true });
    module.validate();
    expectGolden(`${name}.wat`, `;; ${what}\n${module.toText({ foldExprs: true, inlineExport: false })}`);
  });
});

test('code generation is deterministic: two machines, the same bytes', () => {
  for (const name of ['load-balancer', 'nat', 'port-knocking', 'firewall']) {
    const file = fileURLToPath(new URL(`../../examples/${name}/${name}.o`, import.meta.url));
    const read = (): ObjectSpec => readObject(readFileSync(file), { name });
    const program = name.replaceAll('-', '_');
    expect(moduleOf(read(), program)).toEqual(moduleOf(read(), program));
  }
});
