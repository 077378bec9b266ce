/**
 * Where paths meet, the two versions' states of each become one. A place (register, part of the frame, region) that
 * holds the same on all paths keeps it; all places that hold the same as each other on every path, in either version,
 * get one new name. So what was equal stays equal, and how it came about is forgotten; the equations of the new names
 * are kept for when that is needed.
 */
import { memorySort, type Term, widthOf } from '../../solve/index.js';
import { low, significantBits } from './alu.js';
import type { Pair } from './calls.js';
import { Side } from './side.js';
import { mixedRegion, type Region, type Symbols } from './symbols.js';

/** One way to get to where paths meet. */
export interface Arrival {
  readonly pair: Pair;
  /** Truth values that hold on it. */
  readonly facts: ReadonlySet<Term>;
}

/** What several arrivals become. */
export interface Merged extends Arrival {
  /** New names with what each arrival has for them. */
  readonly names: readonly { readonly name: Term; readonly values: readonly Term[] }[];
  /** By arrival: a truth value that says that it is the one that happened. */
  readonly edges: readonly Term[];
  /** All names that were made, of memory, too. */
  readonly fresh: ReadonlySet<Term>;
}

/** `live` tells whether a register of a version may still be read. With `isLoop` memory gets a name of its own. */
export function mergeArrivals(
  symbols: Symbols,
  arrivals: readonly Arrival[],
  live: (side: keyof Pair, r: number) => boolean,
  isLoop: boolean,
): Merged {
  return new Merger(symbols, arrivals, isLoop).merge(live);
}

/** Notes what the new names stand for, each by the way that was gone. */
export function defineNames(symbols: Symbols, { names, edges }: Merged): void {
  const { terms } = symbols;
  for (const { name, values } of names) {
    const ways = edges.map((edge, i) => terms.any([terms.no(edge), terms.eq(name, values[i] as Term)])); // as many
    symbols.define(name, terms.all(ways));
  }
}

/** Merges the states that arrived at one place. */
class Merger {
  private readonly symbols: Symbols;
  private readonly arrivals: readonly Arrival[];
  private readonly isLoop: boolean;
  private readonly serial: number;
  private readonly names = new Map<string, { readonly name: Term; readonly values: readonly Term[] }>();
  private readonly ages = new Map<string, string>();
  private readonly edges: Term[];
  private readonly fresh = new Set<Term>();

  constructor(symbols: Symbols, arrivals: readonly Arrival[], isLoop: boolean) {
    this.symbols = symbols;
    this.arrivals = arrivals;
    this.isLoop = isLoop;
    this.serial = symbols.next();
    this.edges = this.edgeTerms();
  }

  /** `live`: registers that are read from there on; the others hold nothing. */
  merge(live: (side: keyof Pair, r: number) => boolean): Merged {
    const before = this.side('before', live);
    const after = this.side('after', live);
    const [first, ...rest] = this.arrivals as [Arrival, ...Arrival[]];
    const facts = new Set([...first.facts].filter((fact) => rest.every((other) => other.facts.has(fact))));
    return { pair: { before, after }, facts, names: [...this.names.values()], edges: this.edges, fresh: this.fresh };
  }

  /** Numbers in binary would be fewer; one truth value an arrival is what a solver likes. */
  private edgeTerms(): Term[] {
    const { terms } = this.symbols;
    const chosen: Term[] = [];
    const edges: Term[] = [];
    for (let i = 0; i < this.arrivals.length; i++) {
      const isLast = i === this.arrivals.length - 1;
      const own = isLast ? terms.true : terms.eq(terms.unknown(`edge${this.serial}.${i}`, 1), terms.bits(1, 1));
      edges.push(terms.all([own, ...chosen.map((earlier) => terms.no(earlier))]));
      chosen.push(own);
    }
    return edges;
  }

  private side(which: keyof Pair, live: (side: keyof Pair, r: number) => boolean): Side {
    const sides = this.arrivals.map(({ pair }) => pair[which]);
    const first = sides[0] as Side;
    const regs = first.regs.map((_, r) => {
      if (!live(which, r)) return undefined;
      const values = sides.map((side) => side.regs[r]);
      return values.every((value) => value !== undefined) ? this.value(values) : undefined;
    });
    const memory = new Map<Region, Term>();
    const frameStores = new Map<number, number>();
    const regions = new Set(sides.flatMap((side) => [...side.memory.keys()]));
    for (const region of regions) {
      const arrays = sides.map((side) => side.array(region));
      memory.set(region, region === 'stack' ? this.frame(sides, arrays, frameStores) : this.array(region, arrays));
    }
    const geometry = {
      data: this.value(sides.map((side) => side.geometry.data)),
      dataEnd: this.value(sides.map((side) => side.geometry.dataEnd)),
      dataMeta: this.value(sides.map((side) => side.geometry.dataMeta)),
    };
    return new Side({
      symbols: this.symbols,
      model: first.model,
      pc: first.pc,
      regs,
      memory,
      frameStores,
      mapsAge: this.age(sides.map((side) => side.mapsAge)),
      age: this.age(sides.map((side) => side.age)),
      geometry,
      elements: this.value(sides.map((side) => side.elements)),
    });
  }

  /** A place of the state: one term for each arrival, all of one width. */
  private value(values: readonly Term[]): Term {
    const { terms } = this.symbols;
    const [first] = values as readonly [Term];
    if (values.every((value) => value === first)) return first;
    const width = widthOf(first);
    if (width === 64) {
      const parts = values.map((value) => this.symbols.split(value));
      const base = parts[0]?.base;
      if (base !== undefined && parts.every((part) => part?.base === base))
        return terms.add(base, this.value(parts.map((part) => part?.offset ?? terms.bits(64, 0))));
      // What is further on by the same number on all paths has the same name.
      const least = this.leastAddend(values);
      if (least !== 0n) {
        const shift = terms.bits(64, least);
        return terms.add(this.value(values.map((value) => terms.sub(value, shift))), shift);
      }
    }
    const bits = Math.max(...values.map(significantBits));
    const narrow = [8, 16, 32].find((size) => bits <= size) ?? width;
    if (narrow >= width) return this.name(values, width);
    return terms.zeroExtend(
      this.name(
        values.map((value) => low(terms, value, narrow)),
        narrow,
      ),
      width,
    );
  }

  /** The least of the small numbers that are added in all of these; 0: there is none. */
  private leastAddend(values: readonly Term[]): bigint {
    let least: bigint | undefined;
    for (const value of values) {
      const added = value.op === 'const' ? value : value.op === 'bvadd' ? value.args.find(isConst) : undefined;
      const number = BigInt.asIntN(64, added?.value ?? 0n);
      if (number < 0n ? number < -mostAdded : number > mostAdded) return 0n;
      if (least === undefined || number < least) least = number;
    }
    return least ?? 0n;
  }

  /** One name for all places that hold these values on these paths. */
  private name(values: readonly Term[], width: number): Term {
    const key = `${width}: ${values.map(({ id }) => id).join(' ')}`;
    const known = this.names.get(key);
    if (known !== undefined) return known.name;
    const name = this.symbols.unknown(`phi${this.serial}.${this.names.size}`, width);
    this.names.set(key, { name, values });
    this.fresh.add(name);
    const region = width === 64 ? this.regionOfAll(values) : undefined;
    if (region !== undefined) this.symbols.pointsInto(name, region);
    return name;
  }

  /** Where the new name points; a null pointer among them does not count. */
  private regionOfAll(values: readonly Term[]): Region | undefined {
    const regions = new Set(
      values.filter((value) => value.op !== 'const' || value.value !== 0n).map((value) => this.symbols.regionOf(value)),
    );
    if (regions.size === 1) return [...regions][0];
    const known = [...regions].filter((region) => region !== undefined);
    return known.length === 0 ? undefined : mixedRegion(known);
  }

  /** Names of memory that nobody looked at yet; the same for both versions. */
  private age(ages: readonly string[]): string {
    const [first] = ages as readonly [string];
    if (ages.every((age) => age === first)) return first;
    const key = ages.join('|');
    const age = this.ages.get(key) ?? ` met${this.serial}.${this.ages.size}`;
    this.ages.set(key, age);
    return age;
  }

  /** Memory of a region: the same on all paths, a choice by path, or new where a loop comes back. */
  private array(region: Region, arrays: readonly Term[]): Term {
    const { terms } = this.symbols;
    const [first, ...rest] = arrays as readonly [Term, ...Term[]];
    if (rest.every((array) => array === first)) return first;
    if (!this.isLoop) {
      const last = arrays.length - 1;
      let result = arrays[last] as Term;
      for (let i = last - 1; i >= 0; i--) result = terms.ite(this.edges[i] as Term, arrays[i] as Term, result);
      return result;
    }
    const key = `memory: ${arrays.map(({ id }) => id).join(' ')}`;
    const age = this.ages.get(key) ?? ` met${this.serial}.${this.ages.size}`;
    this.ages.set(key, age);
    const name = terms.variable(`${region}${age}`, memorySort);
    this.fresh.add(name);
    return name;
  }

  /** The frame is merged in the parts in which it was written, so that what was spilled is still known. */
  private frame(sides: readonly Side[], arrays: readonly Term[], stores: Map<number, number>): Term {
    const { terms, frame } = this.symbols;
    const roots = new Set(arrays.map(rootOf));
    const isPlain = arrays.every((array) => storedBytes(array).every((at) => terms.sub(at, frame).op === 'const'));
    for (const [at, size] of partsOf(sides)) stores.set(at, size);
    const first = arrays[0] as Term;
    if (arrays.every((array) => array === first)) return first;
    if (roots.size > 1 || !isPlain) return this.array('stack', arrays);
    let result = rootOf(first);
    for (const [at, size] of stores) {
      const address = terms.add(frame, terms.bits(64, at));
      const value = this.value(sides.map((side) => side.load(address, size)));
      for (let i = 0; i < size; i++)
        result = terms.store(result, terms.add(address, terms.bits(64, i)), terms.extract(value, 8 * i + 7, 8 * i));
    }
    return result;
  }
}

/** Offsets are no larger. */
const mostAdded = 0x1_0000n;

function isConst({ op }: Term): boolean {
  return op === 'const';
}

/** The array below all stores. */
function rootOf(array: Term): Term {
  let from = array;
  while (from.op === 'store') from = from.args[0] as Term;
  return from;
}

/** Addresses that were stored to on top of it. */
function storedBytes(array: Term): Term[] {
  const found: Term[] = [];
  for (let from = array; from.op === 'store'; from = from.args[0] as Term) found.push(from.args[1] as Term);
  return found;
}

/** Parts of the frame, in order, that all sides wrote alike; where they disagree, single bytes. */
function partsOf(sides: readonly Side[]): readonly (readonly [number, number])[] {
  const parts = new Map<number, number>();
  for (const { frameStores } of sides)
    for (const [at, size] of frameStores) {
      const clash = [...parts].filter(([other, length]) => other < at + size && at < other + length);
      if (clash.length === 1 && clash[0]?.[0] === at && clash[0][1] === size) continue;
      if (clash.length === 0) {
        parts.set(at, size);
        continue;
      }
      for (const [other, length] of [...clash, [at, size] as const]) {
        parts.delete(other);
        for (let i = other; i < other + length; i++) parts.set(i, 1);
      }
    }
  return [...parts].sort(([a], [b]) => a - b);
}

/**
 * Do two states differ in their new names only, one to one? Then the earlier one already stands for the later.
 * `earlier` and `later` are the names that each may rename.
 */
export function isSameState(a: Pair, earlier: ReadonlySet<Term>, b: Pair, later: ReadonlySet<Term>): boolean {
  const there = new Map<Term, Term>();
  const back = new Map<Term, Term>();
  const same = (x: Term, y: Term): boolean => {
    const known = there.get(x);
    if (known !== undefined) return known === y;
    const renamed = x.op === 'variable' && y.op === 'variable' && earlier.has(x) && later.has(y);
    if (
      renamed
        ? back.has(y) || x.sort !== y.sort
        : x.op !== y.op || x.value !== y.value || x.name !== y.name || x.sort !== y.sort
    )
      return false;
    if (!renamed && (x.args.length !== y.args.length || !x.args.every((arg, i) => same(arg, y.args[i] as Term))))
      return false;
    if (!renamed && x.args.length === 0 && x !== y) return false;
    there.set(x, y);
    if (renamed) back.set(y, x);
    return true;
  };
  const sameSide = (x: Side, y: Side): boolean =>
    x.regs.every((value, r) => {
      const other = y.regs[r];
      return value === undefined || other === undefined ? value === other : same(value, other);
    }) &&
    same(x.elements, y.elements) &&
    same(x.geometry.data, y.geometry.data) &&
    same(x.geometry.dataEnd, y.geometry.dataEnd) &&
    same(x.geometry.dataMeta, y.geometry.dataMeta) &&
    [...new Set([...x.memory.keys(), ...y.memory.keys()])].every((region) => same(x.array(region), y.array(region)));
  return sameSide(a.before, b.before) && sameSide(a.after, b.after);
}
