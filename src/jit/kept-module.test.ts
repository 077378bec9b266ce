import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import type { Content, ResultStore } from '../base/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { defaultSettings, levelSettings } from '../opt/index.js';
import { Verdicts } from '../verifier/index.js';
import { Machine, type MachineOptions } from '../vm/index.js';
import { loadMaps } from '../vm/map-json.js';
import { mapSpec } from '../vm/testing.js';
import { WasmEngine, type WasmEngineOptions } from './index.js';

/** Keeps everything, by content as text. */
class MemoryStore implements ResultStore {
  hits = 0;
  readonly kept = new Map<string, Uint8Array>();

  load(kind: string, content: Content): Uint8Array | undefined {
    const result = this.kept.get(this.key(kind, content));
    if (result !== undefined) this.hits++;
    return result?.slice();
  }

  save(kind: string, content: Content, result: Uint8Array): void {
    this.kept.set(this.key(kind, content), result.slice());
  }

  private key(kind: string, content: Content): string {
    return JSON.stringify([kind, ...content.map((part) => (typeof part === 'string' ? part : [...part]))]);
  }
}

function compile(
  store: ResultStore,
  object: ObjectSpec,
  options: WasmEngineOptions = {},
  machineOptions: MachineOptions = {},
): { engine: WasmEngine; machine: Machine } {
  const machine = new Machine(object, machineOptions);
  const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), store, ...options });
  expect(engine.compile(machine.programs[0] as Machine['programs'][number])).toBeDefined();
  return { engine, machine };
}

const text = (answer: number, entries: number): string => `
  .license "GPL"
  .map counts type=hash key=4 value=8 max_entries=${entries}
  .section xdp
  .globl count
  count:
  r1 = ${answer}
  *(u32 *)(r10 - 4) = r1
  r1 = counts ll
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  r0 = ${answer}
  exit
`;

const objectOf = (answer: number, entries = 16): ObjectSpec => assemble(text(answer, entries));

describe('modules that are kept', () => {
  it('do what those do that are made anew, for all examples', () => {
    for (const name of ['load-balancer', 'firewall', 'nat', 'lpm-router', 'ddos-mitigator']) {
      const { object, main, maps } = openExample(name);
      const store = new MemoryStore();
      const results = [0, 1].map(() => {
        const machine = new Machine(object, {});
        if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
        const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), store });
        const program = machine.programs[object.programs.indexOf(main)] as Machine['programs'][number];
        const bytes = engine.compile(program)?.module;
        const verdicts: number[] = [];
        for (let i = 0; i < 50; i++) {
          machine.setPacket({
            data: Uint8Array.from({ length: 80 }, (_, at) =>
              at === 12 ? 8 : at === 13 ? 0 : at === 14 ? 0x45 : at * i,
            ),
          });
          verdicts.push(engine.run(program).verdict);
        }
        return {
          bytes: bytes?.bytes,
          moves: bytes?.movesPacket,
          traps: bytes?.trapPoints.map(({ what, pc }) => [what, pc]),
          verdicts,
        };
      });
      expect(store.hits, name).toBe(1);
      expect(results[1]).toEqual(results[0]);
    }
  });

  it('are taken for the same input only', () => {
    const store = new MemoryStore();
    compile(store, objectOf(1));
    expect(store.hits).toBe(0);
    compile(store, objectOf(1));
    expect(store.hits).toBe(1);
    // Another instruction, another map, another place of everything in guest memory, no one who reads ring buffers,
    // other passes, other trust, names.
    compile(store, objectOf(2));
    compile(store, objectOf(1, 17));
    compile(store, objectOf(1), {}, { cpus: 2 });
    compile(store, objectOf(1), {}, { consumer: false });
    compile(store, objectOf(1), { settings: levelSettings(1) });
    compile(store, objectOf(1), { settings: { ...defaultSettings, params: { ...defaultSettings.params, window: 3 } } });
    compile(store, objectOf(1), { verdicts: Verdicts.none() });
    compile(store, objectOf(1), { names: true });
    expect(store.hits).toBe(1);
    expect(store.kept.size).toBe(9);
    compile(store, objectOf(1), { settings: defaultSettings });
    expect(store.hits).toBe(2);
  });

  it('follow from data that no one can change', () => {
    const store = new MemoryStore();
    const withData = (...bytes: number[]): ObjectSpec => {
      const init = { kind: 'data', bytes: Uint8Array.from(bytes) } as const;
      const data = mapSpec('k.rodata', 'array', { section: '.rodata', flags: 0x80, maxEntries: 1, init });
      const object = objectOf(1);
      return { ...object, maps: [...object.maps, data] };
    };
    compile(store, withData(1, 2, 3, 4));
    compile(store, withData(1, 2, 3, 5));
    expect(store.hits).toBe(0);
    compile(store, withData(1, 2, 3, 5));
    expect(store.hits).toBe(1);
  });
});
