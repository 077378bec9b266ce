/**
 * The compiled card against the interpreter: verdict, packet, redirect target, outputs and maps after every packet,
 * with map changes in between.
 */

import { describe, expect, it } from 'vitest';
import { generatePrograms } from '../../src/judge/fuzz/generate.js';
import { programObject } from '../../src/judge/fuzz/program-object.js';
import { seedMaps } from '../../src/judge/seed-maps.js';
import { generateBatches, generateTraffic, Prng } from '../../src/packet/index.js';
import { Checker, type Difference } from '../../src/runtime/check.js';
import { Runtime, type RuntimeOptions, Session } from '../../src/runtime/index.js';
import { Verdicts } from '../../src/verifier/index.js';
import type { Machine } from '../../src/vm/index.js';
import { rounds } from '../support/effort.js';
import { openExample } from '../support/examples.js';

const names = ['load-balancer', 'lpm-router', 'firewall', 'nat', 'ddos-mitigator', 'token-bucket', 'port-knocking'];

const traffic = (seed: number, packets: number): { data: Uint8Array; time: bigint }[] =>
  Array.from(generateTraffic({ seed, packets, flows: 40, popularity: { zipf: 1 }, malformed: 0.05 }), (packet) => ({
    data: packet.data.slice(),
    time: packet.time,
  }));

/** Runs packets over a generated program and its maps, which change now and then. */
function runGenerated(seed: number, options: RuntimeOptions): { difference: Difference | undefined; compiled: number } {
  const random = new Prng(seed);
  const object = programObject(generatePrograms(random), `fuzz-${seed}`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const runtime = new Runtime(object, program, {
    ...options,
    maxSteps: 200_000,
  });
  const checker = new Checker(runtime, { maxSteps: 200_000 });
  const packets = traffic(seed, 120);
  const subject = (name: string, machine: Machine) => ({
    name,
    update: (index: number, key: Uint8Array, value: Uint8Array): number =>
      machine.maps[index]?.updateElem(key, value) ?? 0,
  });
  const subjects = [subject('card', runtime.machine), subject('interpreter', checker.machine)];
  const samples = packets.map((packet) => packet.data);
  let compiled = 0;
  for (const [i, packet] of packets.entries()) {
    if (i % 25 === 0) expect(seedMaps(object, subjects, seed + i, 1, samples)).toEqual([]);
    const { difference } = checker.run({ data: packet.data, now: packet.time, frags: program.frags });
    compiled = Math.max(compiled, runtime.card?.compiledTraces ?? 0);
    if (difference !== undefined) return { difference, compiled };
  }
  return { difference: checker.finish(), compiled };
}

describe('the compiled card', () => {
  it.each(names)('decides what the interpreter decides: %s', (name) => {
    for (const verified of [true, false]) {
      const { object, first } = openExample(name);
      const options = {
        check: true,
        patience: 16,
        verdicts: verified ? Verdicts.of(object) : Verdicts.none(),
        cacheSize: 24,
      };
      const session = new Session(object, first, options);
      const plain = new Session(object, first, { compiled: false, cacheSize: 24 });
      for (const packet of traffic(5, 250)) {
        session.run(packet);
        plain.run(packet);
      }
      expect(session.finish()).toBeUndefined();
      // What is compiled when makes no difference to what is decided by whom.
      expect(session.runtime.hits).toBe(plain.runtime.hits);
      expect(session.runtime.installs).toBe(plain.runtime.installs);
      expect(session.runtime.card?.compilations).toBeGreaterThan(0);
    }
  });

  it('agrees with the interpreter on generated programs, with map updates in between', () => {
    const last = rounds(5);
    let compiled = 0;
    for (let seed = 1; seed <= last; seed++) {
      const result = runGenerated(seed, { patience: 0, cacheSize: seed % 3 === 0 ? 4 : 64 });
      expect(result.difference, `seed ${seed}`).toBeUndefined();
      compiled += result.compiled;
    }
    expect(compiled).toBeGreaterThan(last);
  });

  it('is found out when a compiled trace is wrong', () => {
    const { object, first } = openExample('firewall');
    const session = new Session(object, first, {
      check: true,
      host: 'wasm',
    });
    const { runtime } = session;
    const play = (seed: number): void => {
      for (const batch of generateBatches({ seed, packets: 100, flows: 20 })) {
        for (let at = 0; at < batch.count && session.difference === undefined; )
          at += session.runBatch(batch, at, Number.POSITIVE_INFINITY);
      }
    };
    play(3);
    runtime.card?.compile();
    play(3);
    expect(session.difference).toBeUndefined();
    for (const { trace } of runtime.traces)
      if (trace !== undefined) Object.assign(trace, { verdict: trace.verdict ^ 3 });
    runtime.card?.compile();
    play(3);
    expect(session.difference?.what).toBe('verdict');
    expect(session.difference?.trace).toBeDefined();
  });
});
