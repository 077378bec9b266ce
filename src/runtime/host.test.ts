import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import type { Content, ResultStore } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { assemble } from '../object/index.js';
import { generateBatches, packetAt } from '../packet/index.js';
import { Verdicts } from '../verifier/index.js';
import { type Engine, Machine } from '../vm/index.js';
import { Host } from './host.js';
import { Session, type SessionOptions } from './index.js';

/** Remembers for which content it was asked. */
class Store implements ResultStore {
  readonly kept = new Map<string, Uint8Array>();
  saves = 0;
  loads = 0;

  load(kind: string, content: Content): Uint8Array | undefined {
    this.loads++;
    return this.kept.get(this.key(kind, content));
  }

  save(kind: string, content: Content, result: Uint8Array): void {
    this.saves++;
    this.kept.set(this.key(kind, content), result);
  }

  private key(kind: string, content: Content): string {
    return JSON.stringify([kind, ...content.map(String)]);
  }
}

const { object, main, maps } = openExample('load-balancer');

function run(packets: number, options: SessionOptions): { saves: (n: number) => number; verdicts: unknown } {
  const store = options.store as Store;
  const session = new Session(object, main, {
    card: false,
    host: 'wasm',
    ...options,
    ...(maps === undefined ? {} : { maps }),
  });
  const saves: number[] = [];
  let seen = 0;
  for (const batch of generateBatches({
    seed: 5,
    packets,
    flows: 100,
    protocols: { tcp: 1 },
    destination: '192.0.2.10',
  } as never)) {
    for (let at = 0; at < batch.count; ) {
      const ran = session.runBatch(batch, at, 64);
      at += ran;
      seen += ran;
      saves[seen] = store.saves;
    }
  }
  return { saves: (n) => saves.findLast((_, i) => i <= n) ?? 0, verdicts: session.verdicts };
}

describe('the host', () => {
  it('interprets the first packets, and compiles once that pays', () => {
    const store = new Store();
    const { saves } = run(4000, { store });
    expect(saves(64)).toBe(0);
    expect(saves(4000)).toBe(1);
  });

  it('compiles after the same packet each time', () => {
    const moments = [0, 1].map(() => {
      const store = new Store();
      const { saves } = run(4000, { store });
      return Array.from({ length: 4000 }, (_, n) => saves(n)).indexOf(1);
    });
    expect(moments[1]).toBe(moments[0]);
    expect(moments[0]).toBeGreaterThan(64);
  });

  it('goes through all tiers on a few packets where engines are compared', () => {
    const store = new Store();
    run(1000, { store, isEager: true });
    expect(store.saves).toBe(2);
  });

  it('compiles nothing that an earlier run has kept', () => {
    const store = new Store();
    const first = run(4000, { store });
    const second = run(4000, { store });
    expect(store.saves).toBe(1);
    expect(second.verdicts).toEqual(first.verdicts);
  });

  it('interprets nothing more once it has compiled, be it quickly or well', () => {
    // A thousand instructions a packet: quick code pays after ten of them, full code after a million.
    const text = 'f:\nr0 = 0\nr0 += 1\nif r0 != 500 goto -2\nr0 = 2\nexit\n';
    const counting = assemble(`.section xdp\n.globl f\n${text}`);
    const machine = new Machine(counting);
    const [program] = machine.programs;
    if (program === undefined) throw new Error('no program');
    const interpreter = new Interpreter(machine);
    let interpreted = 0;
    const core: Engine = {
      name: 'counted',
      run: (asked) => {
        interpreted++;
        return interpreter.run(asked);
      },
    };
    const host = new Host(machine, program, {
      kind: 'wasm',
      verdicts: Verdicts.of(counting),
      maxSteps: undefined,
      core,
    });
    const seen = Array.from({ length: 40 }, () => {
      machine.setPacket({ data: new Uint8Array(64) });
      expect(host.run().verdict).toBe(2);
      return interpreted;
    });
    expect(seen.slice(0, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seen.at(-1)).toBe(seen[15]);
    expect(host.work).toBeGreaterThan(30_000);
  });

  it('goes on to better code as soon as that pays, also for packets that a card has it run in its midst', () => {
    // Of 30 instructions: full code pays after (30 + 300) of them where engines are compared, which is 11 packets.
    const text = `f:\n${'r0 = 2\n'.repeat(29)}exit\n`;
    const straight = assemble(`.section xdp\n.globl f\n${text}`);
    for (const within of [false, true]) {
      const machine = new Machine(straight);
      const [program] = machine.programs;
      if (program === undefined) throw new Error('no program');
      const store = new Store();
      const host = new Host(machine, program, {
        kind: 'wasm',
        verdicts: Verdicts.of(straight),
        maxSteps: undefined,
        isEager: true,
        store,
      });
      const saves = Array.from({ length: 13 }, () => {
        machine.setPacket({ data: new Uint8Array(64) });
        if (within && host.work >= 8 * 30) {
          host.inner(1000);
          host.note(1);
        } else host.run();
        return store.saves;
      });
      expect(saves, within ? 'in the midst' : 'one by one').toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2]);
    }
  });

  it('has no reason to interpret but the verifier’s for a program that Linux would not load', () => {
    // Nor could it be compiled: nobody knows what it calls back.
    const calls = 'r1 = 1\nr2 = 0\nr3 = 0\nr4 = 0\ncall 181\nr0 = 1\nexit\n';
    const refused = assemble(`.section xdp\n.globl f\nf:\n${calls}`);
    const machine = new Machine(refused);
    const [program] = machine.programs;
    if (program === undefined) throw new Error('no program');
    const host = new Host(machine, program, { kind: 'wasm', verdicts: Verdicts.of(refused), maxSteps: undefined });
    machine.setPacket({ data: new Uint8Array(64) });
    expect(host.run().trap).toBeDefined();
    expect(host.fallback).toBeUndefined();
  });

  it('is CPU 0 where there is one', () => {
    const asking = assemble('.license "GPL"\n.section xdp\n.globl f\nf:\ncall get_smp_processor_id\nexit\n');
    const [program] = asking.programs;
    if (program === undefined) throw new Error('no program');
    const session = new Session(asking, program, { card: false, host: 'interp' });
    expect(session.run({ data: new Uint8Array(64) }).verdict).toBe(0);
  });

  it('does not ask for ever whether a program is verified that is not', () => {
    const looping = assemble('.section xdp\n.globl f\nf:\nr0 = *(u32 *)(r1 + 400)\nexit\n');
    const [program] = looping.programs;
    if (program === undefined) throw new Error('no program');
    const store = new Store();
    const verdicts = Verdicts.of(looping, { store });
    const session = new Session(looping, program, { verdicts, card: false, host: 'wasm', isEager: true });
    for (const batch of generateBatches({ seed: 5, packets: 500 }))
      for (let i = 0; i < batch.count; i++) session.run(packetAt(batch, i));
    expect(session.verdicts.ABORTED).toBe(500);
    expect(store.loads).toBe(1);
  });
});
