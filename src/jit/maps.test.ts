/**
 * Maps from compiled code and from the interpreter: the same answers, the same contents, over long random histories.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { Interpreter } from '../interp/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { type Engine, Machine } from '../vm/index.js';
import { WasmEngine } from './wasm-engine.js';

/**
 * Packet: byte 0 what to do (0 look up, 1 update, 2 delete, 3 walk over all elements), byte 1 flags (constants to the
 * program, but for impossible ones), key from byte 16, value from byte 40. Key and value lie on the stack. A walk
 * digests what it sees in order, deletes what is odd, and stops at the packet's value; at its third element it walks
 * once more.
 */
const walk = `
      r3 = *(u64 *)(r6 + 40)
      *(u64 *)(r10 - 40) = r3
      r3 = 0
      *(u64 *)(r10 - 48) = r3
      *(u64 *)(r10 - 56) = r3
      r1 = m ll
      r2 = visit ll
      r3 = r10
      r3 += -56
      r4 = 0
      call bpf_for_each_map_elem
      r1 = *(u64 *)(r10 - 48)
      r1 <<= 8
      r0 += r1
      exit`;

const visitors = `
    .text
    .type visit, @function
    visit:
      r6 = r4
      r7 = r1
      r8 = r2
      r9 = *(u64 *)(r3 + 0)
      r5 = *(u8 *)(r2 + 0)
      r5 += r9
      r0 = *(u64 *)(r6 + 8)
      r0 *= 31
      r0 += r5
      *(u64 *)(r6 + 8) = r0
      r1 = *(u64 *)(r6 + 0)
      r1 += 1
      *(u64 *)(r6 + 0) = r1
      if r1 != 3 goto odd
      r1 = m ll
      r2 = count ll
      r3 = r6
      r4 = 0
      call bpf_for_each_map_elem
    odd:
      r5 = r9
      r5 &= 1
      if r5 == 0 goto stop
      r1 = r7
      r2 = r8
      call bpf_map_delete_elem
    stop:
      r0 = *(u64 *)(r6 + 16)
      if r0 == r9 goto last
      r0 = 0
      exit
    last:
      r0 = 1
      exit
    .type count, @function
    count:
      r0 = *(u64 *)(r4 + 8)
      r0 += 1000
      *(u64 *)(r4 + 8) = r0
      r0 = 0
      exit`;

function program(map: string, keySize: number, walks: boolean): ObjectSpec {
  const words = Array.from(
    { length: keySize / 4 },
    (_, i) => `
      r3 = *(u32 *)(r6 + ${16 + 4 * i})
      *(u32 *)(r10 - ${keySize - 4 * i}) = r3`,
  );
  return assemble(
    `.license "GPL"
    .map m ${map} key=${keySize}
    .section xdp
    .globl main
    main:
      r6 = *(u32 *)(r1 + 0)
      r2 = *(u32 *)(r1 + 4)
      r3 = r6
      r3 += 64
      r0 = 2
      if r3 > r2 goto out
      ${words.join('')}
      r3 = *(u64 *)(r6 + 40)
      *(u64 *)(r10 - 40) = r3
      r2 = r10
      r2 += -${keySize}
      r1 = m ll
      r7 = *(u8 *)(r6 + 0)
      if r7 == 1 goto update
      if r7 == 2 goto delete
      if r7 == 3 goto walk
      call bpf_map_lookup_elem
      if r0 == 0 goto miss
      r0 = *(u64 *)(r0 + 0)
      exit
    miss: r0 = 77
    out: exit
    update:
      r3 = r10
      r3 += -40
      r4 = *(u8 *)(r6 + 1)
      if r4 == 0 goto any
      if r4 == 1 goto noexist
      if r4 == 2 goto exist
      call bpf_map_update_elem
      exit
    any: r4 = 0
      call bpf_map_update_elem
      exit
    noexist: r4 = 1
      call bpf_map_update_elem
      exit
    exist: r4 = 2
      call bpf_map_update_elem
      exit
    delete:
      call bpf_map_delete_elem
      exit
    walk:
      ${walks ? walk : ''}
      r0 = 0
      exit
    ${walks ? visitors : ''}
    `,
    { name: 'maps' },
  );
}

interface Operation {
  readonly what: number;
  readonly flags: number;
  readonly key: readonly number[];
  readonly value: number;
}

function packetOf({ what, flags, key, value }: Operation): Uint8Array {
  const packet = new Uint8Array(64);
  packet[0] = what;
  packet[1] = flags;
  packet.set(key, 16);
  packet[40] = value;
  return packet;
}

/** What each operation answered, and what the map holds at the end. */
function history(object: ObjectSpec, operations: readonly Operation[], make: (machine: Machine) => Engine): unknown {
  const machine = new Machine(object, { cpus: 2 });
  const engine = make(machine);
  const main = machine.programs[0] as Machine['programs'][number];
  const answers = operations.map((operation, i) => {
    machine.setPacket({ data: packetOf(operation), cpu: i % 2 });
    const { r0, trap } = engine.run(main);
    expect(trap).toBeUndefined();
    return r0;
  });
  return { answers, entries: [...(machine.maps[0]?.entries() ?? [])] };
}

function expectSame(map: string, keySize: number, key: fc.Arbitrary<readonly number[]>): void {
  const object = program(map, keySize, !map.includes('lpm'));
  const operation = fc.record({
    what: fc.integer({ min: 0, max: 3 }),
    flags: fc.constantFrom(0, 0, 0, 1, 2, 3),
    key,
    value: fc.integer({ min: 1, max: 250 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { minLength: 20, maxLength: 120 }), (operations) => {
      const compiled = history(object, operations, (machine) => {
        const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting() });
        expect(engine.compile(machine.programs[0] as Machine['programs'][number]), 'it is compiled').toBeDefined();
        return engine;
      });
      expect(compiled).toEqual(history(object, operations, (machine) => new Interpreter(machine)));
    }),
    { numRuns: rounds(8), seed: 42 },
  );
}

const few = fc.integer({ min: 0, max: 11 });

describe('compiled code finds, changes and deletes what it has put into a hash', () => {
  it.each([4, 8, 12, 16, 20, 24])('under a key of %d bytes, and under no key that differs in its last byte', (size) => {
    const key = Array.from({ length: size }, (_, i) => 1 + i);
    const other = key.with(size - 1, 0);
    const steps = [
      { what: 1, key, value: 5 },
      { what: 1, key: other, value: 6 },
      { what: 0, key },
      { what: 1, key, value: 7 },
      { what: 0, key },
      { what: 2, key },
      { what: 0, key },
      { what: 0, key: other },
    ].map((step) => ({ flags: 0, value: 0, ...step }));
    const { answers } = history(
      program('type=hash value=8 max_entries=8', size, false),
      steps,
      (machine) => new WasmEngine(machine, { verdicts: Verdicts.trusting() }),
    ) as { answers: bigint[] };
    expect(answers.map(Number)).toEqual([0, 0, 5, 0, 7, 0, 77, 6]);
  });
});

describe('compiled code and the interpreter agree on', () => {
  it.each([
    ['hash', 'type=hash value=8 max_entries=8', 4],
    ['hash without preallocation', 'type=hash value=8 max_entries=8 flags=1', 16],
    ['hash with keys of five words', 'type=hash value=8 max_entries=8', 20],
    ['percpu_hash', 'type=percpu_hash value=8 max_entries=8', 8],
    ['lru_hash', 'type=lru_hash value=8 max_entries=6', 12],
    ['lru_percpu_hash', 'type=lru_percpu_hash value=8 max_entries=6', 4],
    ['array', 'type=array value=8 max_entries=8', 4],
    ['percpu_array', 'type=percpu_array value=8 max_entries=8', 4],
  ])('%s', (_, map, keySize) => {
    expectSame(
      map,
      keySize,
      few.map((byte) => [byte, 0, 0, 0, ...new Array<number>(keySize - 4).fill(byte)]),
    );
  });

  it.each([
    ['addresses of 4 bytes', 8],
    ['addresses of 16 bytes', 20],
  ])('lpm_trie: %s', (_, keySize) => {
    const length = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 8 * (keySize - 4) + 1 }));
    const bytes = fc.array(fc.constantFrom(0, 0, 1, 128, 192, 255), { minLength: keySize - 4, maxLength: keySize - 4 });
    const key = fc.tuple(length, bytes).map(([bits, data]) => [bits, 0, 0, 0, ...data]);
    expectSame('type=lpm_trie value=8 max_entries=24 flags=1', keySize, key);
  });
});
