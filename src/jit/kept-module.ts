/**
 * Compiled modules that outlive their process.
 *
 *     u32 length of the description | description, JSON | WebAssembly
 */
import { type Content, contentOf, decodeUtf8, encodeUtf8, type ResultStore } from '../base/index.js';
import type { Settings } from '../opt/index.js';
import { type LoadedProgram, type Machine, machineShape } from '../vm/index.js';
import type { CompiledModule } from './compile.js';
import type { Areas } from './exchange.js';

const kind = 'module';

/** What a module follows from, beside what the machine is. */
export interface ModuleInput {
  readonly machine: Machine;
  /** The program that runs first. */
  readonly program: LoadedProgram;
  readonly settings: Settings;
  /** Those of the module's programs that a verifier has accepted. */
  readonly verified: readonly LoadedProgram[];
  readonly areas: Areas;
  readonly names: boolean;
  /** Where counters are, by program; undefined: nothing counts. */
  readonly counters: ReadonlyMap<number, number> | undefined;
}

/**
 * A module in the store of results: found by everything that its bytes depend on, so that nothing has to be told when
 * any of it changes.
 */
export class KeptModule {
  private readonly store: ResultStore;
  private readonly content: Content;
  private isAsked = false;

  constructor(store: ResultStore, input: ModuleInput) {
    const { machine, program, settings, verified, areas, names, counters } = input;
    this.store = store;
    this.content = [
      ...machineShape(machine),
      ...contentOf({
        program: program.index,
        passes: [...settings.enabled].sort(),
        params: settings.params,
        verified: verified.map(({ index }) => index),
        areas,
        names,
        counters: counters === undefined ? undefined : [...counters],
      }),
    ];
  }

  /** The module of an earlier run. Only the first call looks: what is not there then will not come. */
  load(): CompiledModule | undefined {
    if (this.isAsked) return undefined;
    this.isAsked = true;
    const kept = this.store.load(kind, this.content);
    if (kept === undefined) return undefined;
    const length = new DataView(kept.buffer, kept.byteOffset).getUint32(0, true);
    const description = JSON.parse(decodeUtf8(kept.subarray(4, 4 + length))) as Description;
    return { ...description, bytes: kept.slice(4 + length) };
  }

  /** Keeps the module for later runs. */
  save({ bytes, ...description }: CompiledModule): void {
    const text = encodeUtf8(JSON.stringify(description satisfies Description));
    const kept = new Uint8Array(4 + text.length + bytes.length);
    new DataView(kept.buffer).setUint32(0, text.length, true);
    kept.set(text, 4);
    kept.set(bytes, 4 + text.length);
    this.store.save(kind, this.content, kept);
  }
}

/** All of a module but its bytes; plain values, programs by index. */
type Description = Omit<CompiledModule, 'bytes'>;
