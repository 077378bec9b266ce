/**
 * The state of one of the two versions while it is run on symbols: registers, memory by region, where the packet is.
 * A side is changed in place by its owner and copied where a run divides.
 */
import { memorySort, type Term } from '../../solve/index.js';
import type { ContextModel } from './context.js';
import { anyRegion, everyMap, mixedParts, type Region, type Symbols } from './symbols.js';

/** Where the packet is; helpers move it. */
export type Geometry = Readonly<Record<'data' | 'dataEnd' | 'dataMeta', Term>>;

/** Why a version cannot be followed any further. On a path that can happen nothing is proved. */
export class Untracked extends Error {}

/** One access goes to any of several regions: they have to be one. */
export class MixedMemory extends Untracked {
  readonly regions: readonly Region[];

  constructor(message: string, regions: readonly Region[]) {
    super(message);
    this.regions = regions;
  }
}

type Methods = 'granted' | 'load' | 'store' | 'array' | 'forget' | 'copy' | 'reg' | 'accessed';

/** One version's state. Reading what holds nothing throws Untracked: then the proof says nothing. */
export class Side {
  readonly symbols: Symbols;
  readonly model: ContextModel;
  pc: number;
  /** r0 to r10; undefined for what must not be read. */
  readonly regs: (Term | undefined)[];
  /** What regions hold that were written. */
  readonly memory: Map<Region, Term>;
  /**
   * Which names regions have that were not: those of maps, and all others. A call that may write anything gives new
   * ones.
   */
  mapsAge: string;
  age: string;
  geometry: Geometry;
  /** Stands for which elements all maps have. */
  elements: Term;
  /** How the frame was written last: sizes in bytes by offset from its top. */
  readonly frameStores: Map<number, number>;
  /** What the verifier grants of what was loaded since anybody asked: it holds on this path. */
  granted: Term[] = [];

  constructor(from: Omit<Side, Methods>) {
    this.symbols = from.symbols;
    this.model = from.model;
    this.pc = from.pc;
    this.regs = [...from.regs];
    this.memory = new Map(from.memory);
    this.mapsAge = from.mapsAge;
    this.age = from.age;
    this.geometry = from.geometry;
    this.elements = from.elements;
    this.frameStores = new Map(from.frameStores);
  }

  copy(): Side {
    return new Side(this);
  }

  reg(r: number): Term {
    const value = this.regs[r];
    if (value === undefined) throw new Untracked(`r${r} is read at ${this.pc} and holds nothing`);
    return value;
  }

  /** All bytes of a region. */
  array(name: Region): Term {
    const region = this.symbols.regionNamed(name);
    const known = this.memory.get(region);
    if (known !== undefined) return known;
    const age = region === 'stack' ? '' : isOfMaps(region) ? this.mapsAge : this.age;
    return this.symbols.terms.variable(`${region}${age}`, memorySort);
  }

  /** The region may hold anything now; `name` tells it apart. */
  forget(which: Region, name: string): void {
    const region = this.symbols.regionNamed(which);
    this.memory.set(region, this.symbols.terms.variable(`${region} ${name}`, memorySort));
  }

  /** `size` bytes at an address, as a number of `8 * size` bits. */
  load(address: Term, size: number): Term {
    const { terms } = this.symbols;
    const region = this.accessed(address, false);
    if (region === this.symbols.regionNamed('context')) {
      const field = this.contextPointer(address, size);
      if (field !== undefined) return field;
    }
    const array = this.array(region);
    // What was looked at keeps its name where paths meet that gave memory different ones.
    this.memory.set(region, array);
    const bytes: Term[] = [];
    for (let i = size - 1; i >= 0; i--)
      bytes.push(selectByte(this.symbols, array, terms.add(address, terms.bits(64, i))));
    return terms.concatAll(bytes);
  }

  /** `value` has as many bits as are written. */
  store(address: Term, value: Term, size: number): void {
    const { terms } = this.symbols;
    const region = this.accessed(address, true);
    let array = this.array(region);
    for (let i = 0; i < size; i++)
      array = terms.store(array, terms.add(address, terms.bits(64, i)), terms.extract(value, 8 * i + 7, 8 * i));
    this.memory.set(region, array);
    if (region === 'stack') this.noteStore(address, size);
  }

  /** Stores to the frame that overlap earlier ones in part are remembered: those bytes are read one by one. */
  private noteStore(address: Term, size: number): void {
    const { terms, frame } = this.symbols;
    const distance = terms.sub(address, frame);
    if (distance.op !== 'const') return;
    const at = Number(BigInt.asIntN(64, distance.value));
    for (const [other, length] of this.frameStores)
      if (other < at + size && at < other + length) {
        this.frameStores.delete(other);
        for (let i = other; i < other + length; i++) if (i < at || i >= at + size) this.frameStores.set(i, 1);
      }
    this.frameStores.set(at, size);
  }

  /** The region that an access goes to. */
  accessed(address: Term, writes: boolean): Region {
    const region = this.symbols.regionOf(address);
    if (region === undefined)
      throw new Untracked(`the ${writes ? 'store' : 'load'} at ${this.pc} goes to memory that is not known`);
    const mixed = mixedParts(region);
    if (mixed !== undefined) throw new MixedMemory(`the access at ${this.pc} goes to memory of several kinds`, mixed);
    if (region === everyMap) throw new MixedMemory(`the access at ${this.pc} goes to some map`, [everyMap]);
    if (region !== 'loaded') return region;
    // Objects of the kernel are found by pointers that were loaded; what a program writes there could be anything's.
    const other = this.symbols.regionNamed('other');
    if (writes && other !== anyRegion)
      throw new MixedMemory(`the store at ${this.pc} goes where a loaded pointer says`, everything);
    return other;
  }

  /** A field of the context that reads as a pointer. */
  private contextPointer(address: Term, size: number): Term | undefined {
    const { terms, context } = this.symbols;
    const offset = terms.sub(address, context);
    if (offset.op !== 'const') return undefined;
    const field = this.model.pointers.find((row) => BigInt(row.offset) === offset.value && row.size === size);
    if (field === undefined) return undefined;
    // A load of fewer bits than an address has gives the address all the same: the kernel rewrites it.
    return this.geometry[field.what];
  }
}

/** All memory that is not the function's own. */
const everything: readonly Region[] = ['other', 'packet', 'context', 'caller', everyMap];

/** Values of maps, whichever. */
export function isOfMaps(region: Region): boolean {
  return region.startsWith('map ') || region.startsWith('inner ') || region === anyRegion;
}

/** One byte; arrays that paths chose between are asked one by one. */
export function selectByte(symbols: Symbols, array: Term, at: Term): Term {
  const { terms } = symbols;
  const found = terms.select(array, at);
  const from = found.args[0];
  if (found.op !== 'select' || from?.op !== 'ite') return found;
  const [condition, a, b] = from.args as [Term, Term, Term];
  return terms.ite(condition, selectByte(symbols, a, at), selectByte(symbols, b, at));
}
