import { describe, expect, it } from 'vitest';
import { Graph, liveCode, type Value } from '../ir/index.js';
import { Machine } from '../vm/index.js';
import { objectSpec, programSpec } from '../vm/testing.js';
import { interpretTrace } from './interpret.js';

const machine = new Machine(objectSpec([programSpec([])], []));

/** if (len >= 14 && byte 12 == 8) { byte 0 = byte 13 + 1; return 3 } */
function trace(): { readonly values: readonly Value[]; readonly guard: Value } {
  const g = new Graph();
  const start = g.pointer(g.constant(0n));
  const byte = { kind: 'memory', space: 'packet', size: 1, map: -1, checked: false } as const;
  g.effect('guard', [g.make('ult', g.length, g.constant(14n))], 0n, { kind: 'guard', expect: false });
  const type = g.load(start, 12n, byte, 0, true);
  const guard = g.effect('guard', [g.make('eq', type, g.constant(8n))], 0n, { kind: 'guard', expect: true });
  const next = g.add(g.load(start, 13n, byte, 0, true), g.constant(1n));
  g.effect('store', [start, next], 0n, byte);
  g.effect('ret', [g.constant(3n)], 0n, undefined);
  return { values: liveCode(g.code).values, guard };
}

describe('the interpreter of traces', () => {
  it('does what the trace says', () => {
    const data = Uint8Array.from({ length: 14 }, (_, i) => (i === 12 ? 8 : i));
    machine.setPacket({ data });
    expect(interpretTrace({ values: trace().values, transactional: false }, machine)).toBe(3n);
    expect(machine.lane.packet.bytes()[0]).toBe(14);
  });

  it('names the guard that does not hold, and has touched nothing', () => {
    const data = new Uint8Array(14);
    machine.setPacket({ data });
    const { values, guard } = trace();
    expect(interpretTrace({ values, transactional: false }, machine)).toBe(guard);
    expect(machine.lane.packet.bytes()).toEqual(data);
  });
});
