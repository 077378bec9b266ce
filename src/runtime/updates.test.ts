import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { type Insn, op } from '../isa/index.js';
import type { InstalledTrace } from '../nic/index.js';
import { mapSpec, type ObjectSpec, objectSpec, programSpec } from '../object/index.js';
import { generateTraffic, Prng } from '../packet/index.js';
import { mapFlags } from '../platform/index.js';
import { changeMap } from './control-plane.js';
import { Session } from './index.js';

const insn = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });

const load = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.LDX | op.MODE_MEM | size, dst, src, off, 0);

/**
 * Drops packets whose first byte is what the map's only element has at offset `at`; passes the others. `writes`:
 * counts in the element, too.
 */
function configured(writes: boolean, constant?: Uint8Array): ObjectSpec {
  const insns = [
    load(op.SIZE_W, 6, 1, 0),
    load(op.SIZE_W, 7, 1, 4),
    insn(op.ST | op.MODE_MEM | op.SIZE_W, 10, 0, -4, 0),
    insn(op.LDDW, 1, op.PSEUDO_MAP_FD, 0, 0),
    insn(0, 0, 0, 0, 0),
    insn(op.ALU64 | op.MOV | op.X, 2, 10, 0, 0),
    insn(op.ALU64 | op.ADD, 2, 0, 0, -4),
    insn(op.CALL_OP, 0, op.CALL_HELPER, 0, 1),
    insn(op.JMP | op.JEQ, 0, 0, 9, 0),
    insn(op.ALU64 | op.MOV | op.X, 8, 6, 0, 0),
    insn(op.ALU64 | op.ADD, 8, 0, 0, 1),
    insn(op.JMP | op.JGT | op.X, 8, 7, 6, 0),
    load(op.SIZE_B, 3, 6, 0),
    load(op.SIZE_W, 4, 0, 0),
    writes ? insn(op.ST | op.MODE_MEM | op.SIZE_W, 0, 0, 4, 7) : insn(op.ALU64 | op.MOV, 5, 0, 0, 0),
    insn(op.JMP | op.JNE | op.X, 3, 4, 2, 0),
    insn(op.ALU64 | op.MOV, 0, 0, 0, 1),
    insn(op.JMP | op.EXIT, 0, 0, 0, 0),
    insn(op.ALU64 | op.MOV, 0, 0, 0, 2),
    insn(op.JMP | op.EXIT, 0, 0, 0, 0),
  ];
  const map = mapSpec({
    name: 'config',
    type: 'array',
    keySize: 4,
    valueSize: 8,
    maxEntries: 1,
    flags: constant === undefined ? 0 : mapFlags.rdonlyProg,
    section: constant === undefined ? '.maps' : '.rodata',
    init: constant === undefined ? undefined : { kind: 'data', bytes: constant },
  });
  return objectSpec('configured.o', [programSpec(insns, { name: 'configured' })], [map]);
}

function open(object: ObjectSpec): Session {
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  return new Session(object, program, { check: true, keepRecordings: true });
}

const key = new Uint8Array(4);
const set = (session: Session, first: number, second = 0): void => {
  session.change((machine) => {
    expect(machine.maps[0]?.updateElem(key, Uint8Array.of(first, 0, 0, 0, second, 0, 0, 0))).toBe(0);
  });
};
const packet = (first: number): { data: Uint8Array; time: bigint } => ({
  data: Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? first : 0)),
  time: 0n,
});

describe('a value that only the control plane changes', () => {
  it('becomes a constant of the trace, which is retired when it changes and not when its neighbour does', () => {
    const session = open(configured(false));
    const { runtime } = session;
    set(session, 5);
    const assuming = (): number => runtime.traces.filter(({ trace }) => (trace?.assumptions.length ?? 0) > 0).length;
    // Each of these leaves the card again, so that the next one is recorded.
    for (let i = 0; i < 6; i++) {
      session.run(packet(i % 2 === 0 ? 5 : 6));
      evictAll(session);
    }
    session.run(packet(5));
    session.run(packet(6));
    expect(assuming()).toBeGreaterThan(0);
    expect(runtime.traces.map(({ condition }) => condition.text)).toContain('len != 0 && eth.dst[0:1] == 0x05');
    set(session, 5, 1);
    session.run(packet(5));
    expect(runtime.retired).toBe(0);
    expect(runtime.last.hit).toBeDefined();
    set(session, 6, 1);
    session.run(packet(5));
    expect(runtime.retired).toBe(2);
    expect(runtime.last.verdict).toBe(2);
    session.run(packet(6));
    expect(runtime.last.verdict).toBe(1);
    expect(session.finish()).toBeUndefined();
  });

  it('or is one from the start where nobody can change it', () => {
    const session = open(configured(false, Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0)));
    session.run(packet(5));
    session.run(packet(6));
    expect(session.runtime.traces.map(({ condition }) => condition.text)).toEqual([
      'len != 0 && eth.dst[0:1] == 0x05',
      'len != 0 && eth.dst[0:1] != 0x05',
    ]);
    expect(session.runtime.traces.map(({ trace }) => trace?.assumptions)).toEqual([[], []]);
    expect(session.finish()).toBeUndefined();
  });

  it('but not where the program writes to the map itself', () => {
    const session = open(configured(true));
    set(session, 5);
    for (let i = 0; i < 12; i++) {
      session.run(packet(5));
      evictAll(session);
    }
    session.run(packet(5));
    expect(session.runtime.traces.every(({ trace }) => trace?.assumptions.length === 0)).toBe(true);
    expect(session.finish()).toBeUndefined();
  });
});

/** Takes the traces off the card that the packet in the machine hits. */
function evictAll(session: Session): void {
  const { cache } = session.runtime;
  for (let hit = trial(session); cache !== undefined && hit !== undefined; hit = trial(session)) cache.remove(hit);
}

function trial(session: Session): InstalledTrace | undefined {
  const { machine, cache } = session.runtime;
  machine.transaction.begin();
  const offered = cache?.offer();
  machine.transaction.rollback();
  return offered?.kind === 'hit' ? offered : undefined;
}

describe.each(['ddos-mitigator', 'firewall', 'load-balancer', 'lpm-router', 'nat', 'port-knocking', 'token-bucket'])(
  '%s',
  (name) => {
    it('is what the interpreter says while the control plane changes a map before every packet', {
      timeout: 120_000,
    }, () => {
      const { object, main, maps } = openExample(name);
      const session = new Session(object, main, { check: true, maps, cacheSize: 16 });
      const random = new Prng(9);
      let changes = 0;
      for (const arrival of generateTraffic({ seed: 5, packets: 600, flows: 40, malformed: 0.02 })) {
        const seed = random.u32();
        let done = false;
        session.change((machine) => {
          done = changeMap(machine, new Prng(seed));
        });
        if (done) changes++;
        session.run({ data: arrival.data, time: arrival.time });
        expect(session.difference).toBeUndefined();
      }
      expect(session.finish()).toBeUndefined();
      expect(changes).toBeGreaterThan(100);
    });
  },
);
