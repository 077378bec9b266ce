/** The loop on our engines: versions decide as the original does, also when tables change under them. */
import { describe, expect, it } from 'vitest';
import { assembleInsns } from '../isa/index.js';
import { mapSpec, objectSpec, programSpec } from '../object/index.js';
import { helperNumber } from '../platform/index.js';
import type { Machine } from '../vm/index.js';
import { type RehearsalPacket, rehearse } from './rehearsal.js';

/** Looks the packet's byte 14 up, and gives the value's first byte as verdict; 1 where there is none. */
const program = programSpec(
  assembleInsns(
    `r2 = *(u32 *)(r1 + 0)
     r3 = *(u32 *)(r1 + 4)
     r4 = r2
     r4 += 15
     r0 = 1
     if r4 > r3 goto out
     r4 = *(u8 *)(r2 + 14)
     *(u32 *)(r10 - 4) = r4
     r1 = table ll
     r2 = r10
     r2 += -4
     call bpf_map_lookup_elem
     if r0 == 0 goto none
     r0 = *(u8 *)(r0 + 0)
     goto out
   none:
     r0 = 1
   out:
     exit`,
    { helper: (name) => helperNumber(name.replace(/^bpf_/, '')), map: () => 0 },
  ),
);
const object = objectSpec(
  'test',
  [program],
  [mapSpec({ name: 'table', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 64 })],
);
const packetOf = (byte: number): RehearsalPacket => ({ data: new Uint8Array(60).fill(byte), time: 0n });
const set = (machine: Machine, key: number, value: number): void => {
  machine.maps[0]?.updateElem(Uint8Array.of(key, 0, 0, 0), Uint8Array.of(value, 0, 0, 0));
};
/** Most packets have one of two bytes, one of which the table does not have. */
const packets = Array.from({ length: 1000 }, (_, i) => packetOf(i % 10 === 0 ? 20 + (i % 7) : i % 2 === 0 ? 3 : 200));

describe('a program over its own table', () => {
  const fill = (machine: Machine): void => {
    for (let key = 0; key < 40; key++) set(machine, key, 2);
  };

  it.each(['interp', 'wasm'] as const)('is specialised and decides alike: %s', (engine) => {
    const result = rehearse(object, program, packets, { engine, fill, window: 100 });
    expect(result).toMatchObject({ difference: undefined, versions: 1, guarded: 900 });
    expect(result.sites).toEqual([{ map: 'table', keys: 2, whole: false, hits: expect.closeTo(0.9, 1) }]);
  });

  it('falls back when the table changes, and is made anew', () => {
    const changes = [
      { at: 250, apply: (machine: Machine) => set(machine, 3, 1) },
      { at: 505, apply: (machine: Machine) => set(machine, 200, 3) },
      { at: 506, apply: (machine: Machine) => machine.maps[0]?.deleteElem(Uint8Array.of(3, 0, 0, 0)) },
    ];
    const result = rehearse(object, program, packets, { engine: 'interp', fill, window: 100, changes });
    expect(result).toMatchObject({ difference: undefined, changes: 3, versions: 3 });
    expect(result.guarded).toBeGreaterThan(500);
  });

  it('is found out where a change went unnoticed', () => {
    // A guard that does not move: the control plane changes the table behind the watcher's back.
    const blind = { at: 250, apply: (machine: Machine) => set(machine, 3, 1), isUnseen: true };
    const result = rehearse(object, program, packets, { engine: 'interp', fill, window: 100, changes: [blind] });
    expect(result.difference).toMatch(/packet 25\d: verdict 1, of the version 2/);
  });

  it('has small tables written out, empty ones left out', () => {
    const small = rehearse(object, program, packets, { engine: 'interp', fill: (m) => set(m, 3, 2), window: 100 });
    expect(small.sites).toMatchObject([{ keys: 1, whole: true, hits: 1 }]);
    const empty = rehearse(object, program, packets, { engine: 'interp', window: 100 });
    expect(empty.sites).toMatchObject([{ keys: 0, whole: true }]);
    expect(empty.versionInstructions).toBeLessThan(empty.originalInstructions + 8 * empty.guarded);
    for (const { difference } of [small, empty]) expect(difference).toBeUndefined();
  });
});
