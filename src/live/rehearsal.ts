/**
 * The same loop without a kernel: a program observed, specialised and compared on our engines, on packets of a
 * capture. Control-plane changes are those that are asked for: before each, the epoch goes up, as the watcher's would.
 *
 * Three machines run side by side, with maps of their own: the original, the one that takes notes, and the version. So
 * each packet is decided by all, and the original is the judge. A new version begins with what the original's maps
 * hold; from then on both see the same packets and changes, and have to end with the same maps.
 */
import { InputError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { verify } from '../verifier/index.js';
import { type Engine, type LoadedProgram, Machine } from '../vm/index.js';
import { type Choice, chooseSite, profileOf, smallTable } from './choose.js';
import { instrument, readSamples } from './instrument.js';
import { writtenByProgram } from './read-only.js';
import { findSites, type LookupSite } from './sites.js';
import { type KnownEntry, specialise } from './specialise.js';
import { guardAt, guardSize } from './watcher.js';

/** A packet, and when it came in nanoseconds. */
export interface RehearsalPacket {
  readonly data: Uint8Array;
  readonly time: bigint;
}

/** A change that the control plane makes. */
export interface RehearsalChange {
  /** Before which packet. */
  readonly at: number;
  readonly apply: (machine: Machine) => void;
  /** The epoch stays as it is: a fault, planted to see that it is found. */
  readonly isUnseen?: boolean;
}

/** How it is rehearsed. */
export interface RehearsalOptions {
  /** Fills a machine's maps as they are at the start. */
  readonly fill?: ((machine: Machine) => void) | undefined;
  readonly engine: 'interp' | 'wasm';
  /** To all machines alike. */
  readonly changes?: readonly RehearsalChange[] | undefined;
  /** Packets between two looks. Default 1,024. */
  readonly window?: number | undefined;
}

/** What came of it. */
export interface RehearsalResult {
  readonly packets: number;
  readonly versions: number;
  readonly changes: number;
  /** Packets that went through a version whose guards held. */
  readonly guarded: number;
  /** What the last version compares, by map. */
  readonly sites: readonly {
    readonly map: string;
    readonly keys: number;
    readonly whole: boolean;
    readonly hits: number;
  }[];
  /** Of the packets that went through both, where the engine counts: executed instructions. */
  readonly originalInstructions: number;
  readonly versionInstructions: number;
  /** The first packet that the version decided otherwise. */
  readonly difference: string | undefined;
}

/** A program on a machine of its own. */
interface Side {
  readonly machine: Machine;
  readonly engine: Engine;
  readonly program: LoadedProgram;
}

/** Runs the loop. Throws InputError for programs that our verifier does not accept. */
export function rehearse(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly RehearsalPacket[],
  options: RehearsalOptions,
): RehearsalResult {
  const found = findSites(object, program);
  if ('why' in found) throw new InputError(`\`${program.name}\` cannot be specialised: ${found.why}`);
  const written = writtenByProgram({ program, object });
  return new Rehearsal(
    object,
    program,
    found.filter(({ map }) => written[map] === undefined),
    options,
  ).run(packets);
}

/** One run over a capture. Notes are taken of every look-up (rate 0, one CPU): nothing here is short of time. */
class Rehearsal {
  private readonly object: ObjectSpec;
  private readonly sites: readonly LookupSite[];
  private readonly options: RehearsalOptions;
  private readonly original: Side;
  private readonly notes:
    | { readonly side: Side; readonly layout: NonNullable<ReturnType<typeof instrument>>['layout'] }
    | undefined;
  private readonly name: string;
  private version: (Side & { readonly epoch: bigint; readonly choices: readonly Choice[] }) | undefined;
  private readonly applied: ((machine: Machine) => void)[] = [];
  private epoch = 0n;

  constructor(object: ObjectSpec, program: ProgramSpec, sites: readonly LookupSite[], options: RehearsalOptions) {
    this.object = object;
    this.name = program.name;
    this.sites = sites;
    this.options = options;
    this.original = this.side(program, []);
    const made = instrument(program, object.maps.length, sites, { cpus: 1, rate: 0 });
    this.notes = made && { side: this.side(made.program, [made.samples]), layout: made.layout };
  }

  run(packets: readonly RehearsalPacket[]): RehearsalResult {
    const { window = 1024, changes = [] } = this.options;
    let [versions, guarded, before, after] = [0, 0, 0, 0];
    let difference: string | undefined;
    for (const [i, packet] of packets.entries()) {
      for (const { at, apply, isUnseen = false } of changes) {
        if (at !== i) continue;
        // The epoch goes up first, as the watcher sees to it; by two, for the change's beginning and its end.
        if (!isUnseen) this.epoch += 2n;
        this.applied.push(apply);
        for (const side of [this.original, this.notes?.side, this.version]) if (side !== undefined) apply(side.machine);
        if (this.version !== undefined) this.setGuard(this.version.machine);
      }
      this.play(this.notes?.side, packet);
      const expected = this.play(this.original, packet);
      if (this.version !== undefined && expected !== undefined) {
        const got = this.play(this.version, packet);
        if (this.version.epoch === this.epoch) {
          guarded++;
          before += expected.steps;
          after += got?.steps ?? 0;
        }
        const isSame = got?.verdict === expected.verdict && sameBytes(got.bytes, expected.bytes);
        if (!isSame) difference ??= `packet ${i}: verdict ${expected.verdict}, of the version ${got?.verdict}`;
      }
      const isDue = i % window === window - 1 && this.version?.epoch !== this.epoch;
      if (isDue && this.make()) versions++;
    }
    difference ??= this.mapDifference();
    return {
      packets: packets.length,
      versions,
      changes: this.applied.length,
      guarded,
      sites: (this.version?.choices ?? []).map(({ plan, hits }) => ({
        map: this.object.maps[plan.site.map]?.name ?? '',
        keys: plan.entries.length,
        whole: plan.isWhole,
        hits,
      })),
      originalInstructions: before,
      versionInstructions: after,
      difference,
    };
  }

  /** A version for what the tables hold now. It begins with the original's state. */
  private make(): boolean {
    const { notes, object } = this;
    const bytes = notes?.side.machine.maps.at(-1)?.lookupElem(new Uint8Array(4));
    if (notes === undefined || !(bytes instanceof Uint8Array)) return false;
    const profiles = readSamples(bytes, notes.layout, 0).sites.map(profileOf);
    const choices = this.sites.flatMap((site): Choice[] => {
      const map = this.original.machine.maps[site.map];
      const profile = profiles.find((each) => each.site === site);
      if (map === undefined || profile === undefined) return [];
      const at = (key: Uint8Array): KnownEntry => {
        const value = map.lookupElem(key);
        return { key, value: typeof value === 'number' ? undefined : value };
      };
      const entries = [...map.writtenEntries()].slice(0, smallTable + 1).map(({ key, value }) => ({ key, value }));
      const all = entries.length > smallTable ? undefined : entries;
      const choice = chooseSite(profile, { type: map.spec.type, all, at });
      return choice === undefined ? [] : [choice];
    });
    const plans = choices.map(({ plan }) => plan);
    const made = plans.length === 0 ? undefined : specialise(this.programSpec(), object.maps.length, plans, this.epoch);
    if (made === undefined) return false;
    const maps = [...object.maps, made.guard, made.values];
    const { btf, kernelBtf, license } = object;
    if (!verify(made.program, maps, { btf, kernelBtf, license, logLevel: 0 }).accepted) return false;
    const side = this.side(made.program, [made.guard, made.values]);
    side.machine.maps.at(-1)?.updateElem(new Uint8Array(4), made.bytes);
    for (const [index, map] of this.original.machine.maps.entries()) {
      if (map.spec.init !== undefined) continue;
      for (const { key, value } of map.writtenEntries()) side.machine.maps[index]?.updateElem(key, value);
    }
    this.version = { ...side, epoch: this.epoch, choices };
    this.setGuard(side.machine);
    return true;
  }

  /** The program that versions are made of: always the original, never a version of a version. */
  private programSpec(): ProgramSpec {
    return this.original.program.spec;
  }

  /** The guard is the last map but one of a version: its machine has what the watcher's memory would hold. */
  private setGuard(machine: Machine): void {
    const guard = new Uint8Array(guardSize);
    new DataView(guard.buffer).setBigUint64(guardAt.epoch, this.epoch, true);
    machine.maps.at(-2)?.updateElem(new Uint8Array(4), guard);
  }

  /** A machine of its own for a version of the program, with maps behind the object's. */
  private side(program: ProgramSpec, more: readonly MapSpec[]): Side {
    const machine = new Machine({ ...this.object, programs: [program], maps: [...this.object.maps, ...more] });
    this.options.fill?.(machine);
    for (const apply of this.applied) apply(machine);
    const loaded = machine.programs.find(({ spec }) => spec.name === this.name);
    if (loaded === undefined) throw new InputError(`there is no program \`${this.name}\``);
    machine.admit(loaded);
    return {
      machine,
      program: loaded,
      engine: this.options.engine === 'wasm' ? new WasmEngine(machine) : new Interpreter(machine),
    };
  }

  /** Lets a side decide a packet; the bytes are those that it left. */
  private play(
    side: Side | undefined,
    { data, time }: RehearsalPacket,
  ): { readonly verdict: number; readonly steps: number; readonly bytes: Uint8Array } | undefined {
    if (side === undefined) return undefined;
    side.machine.setPacket({ data, now: time });
    const { verdict, steps } = side.engine.run(side.program);
    return { verdict, steps, bytes: side.machine.lane.packet.bytes().slice() };
  }

  /** Elements that original and version left otherwise. */
  private mapDifference(): string | undefined {
    const { version } = this;
    if (version === undefined) return undefined;
    for (const [index, map] of this.original.machine.maps.entries()) {
      // Which element goes when one of these is full depends on what it has been through.
      if (map.spec.type.startsWith('lru')) continue;
      const text = (entries: Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>): string =>
        [...entries]
          .map(({ key, value }) => `${key.join()}=${value.join()}`)
          .sort()
          .join('\n');
      const other = version.machine.maps[index];
      if (other !== undefined && text(map.writtenEntries()) !== text(other.writtenEntries())) {
        return `map \`${map.spec.name}\` holds something else afterwards`;
      }
    }
    return undefined;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
