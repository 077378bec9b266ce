/**
 * The names of what is not known: pointers with the memory that they point into, bytes that are there from the start,
 * results of calls. Both versions of a function are run with the same names, so what is equal is one term.
 *
 * Memory is divided into regions that do not overlap: an address belongs to the region of the one pointer in its sum.
 * A region is an array of bytes over addresses of 64 bits.
 */
import { type Term, Terms } from '../../solve/index.js';

/**
 * `stack` (the function's own frame), `caller` (memory of callers' frames), `packet`, `context`, `map N`, `inner N`
 * (values of the maps in map N), `record N` (memory that call N handed out), `other` (objects of the kernel),
 * `loaded`: where a pointer that was loaded says, if it is one.
 */
export type Region = string;

/** Values of some map, nobody knows which. */
export const everyMap = 'map *';

/** What regions of different kinds become when one access may go to any of them. */
export const anyRegion = 'any';

/** A pointer into one of several regions. */
export function mixedRegion(regions: readonly Region[]): Region {
  const parts = new Set(regions.flatMap((region) => mixedParts(region) ?? [region]));
  return `mixed ${[...parts].sort().join('|')}`;
}

/** The regions that a mixed pointer may point into; undefined for any other. */
export function mixedParts(region: Region): readonly Region[] | undefined {
  return region.startsWith('mixed ') ? region.slice('mixed '.length).split('|') : undefined;
}

/** Makes names and says which region an address belongs to. */
export class Symbols {
  readonly terms: Terms = new Terms();
  /** The frame pointer and the context; neither is ever null. */
  readonly frame: Term;
  readonly context: Term;
  private readonly regions = new Map<Term, Region>();
  /** What is known of a symbol whatever happens. */
  private readonly known = new Map<Term, Term[]>();
  /** What names stand for that were made where paths met. */
  private readonly definitions = new Map<Term, Term>();
  private readonly united = new Map<Region, Region>();
  /** Values that look-ups found, by the region that they lie in. */
  private readonly elements = new Map<Region, { readonly found: Term; readonly size: number }[]>();
  private serial = 0;

  /** `unions` are regions that are one, since an access goes to any of them. */
  constructor(unions: readonly (readonly Region[])[] = []) {
    for (const regions of unions) this.unite(regions);
    this.frame = this.pointer('fp', 'stack');
    this.context = this.pointer('ctx', 'context');
  }

  /** The region that a region is part of. */
  regionNamed(region: Region): Region {
    return this.united.get(region) ?? region;
  }

  /** Regions that turn out to overlap become one from now on. */
  private unite(regions: readonly Region[]): void {
    const all = new Set(regions.map((region) => this.regionNamed(region)));
    for (const [part, whole] of this.united) if (all.has(whole)) all.add(part);
    const maps = [...all].filter((region) => region.startsWith('map '));
    const name = maps.length === all.size && !all.has(everyMap) ? (maps.sort()[0] as Region) : anyRegion;
    for (const region of all) this.united.set(region, name);
  }

  /** A pointer that is not null, by name. */
  pointer(name: string, region: Region): Term {
    const { terms } = this;
    const symbol = terms.unknown(name, 64);
    if (this.regions.has(symbol)) return symbol;
    this.regions.set(symbol, region);
    this.assume(symbol, terms.no(terms.ult(symbol, terms.bits(64, 0x10000))));
    this.assume(symbol, this.farBelow(symbol));
    return symbol;
  }

  private farBelow(address: Term): Term {
    return this.terms.ult(address, this.terms.bits(64, -0x100000));
  }

  /** Do sums of it with numbers below 0x100000 not wrap? */
  isFarBelow(address: Term): boolean {
    return this.factsOf(address).includes(this.farBelow(address));
  }

  /** From now on `term` is an address in `region`, or null. */
  pointsInto(term: Term, region: Region): void {
    if (term.op !== 'const') this.regions.set(term, region);
  }

  /** The same where nothing is known of the term but that it was loaded or handed over. */
  mayPointInto(term: Term, region: Region | undefined): void {
    const known = this.regionOf(term);
    if (region !== undefined && (known === undefined || known === 'loaded')) this.pointsInto(term, region);
  }

  /** A number that nothing else has. */
  next(): number {
    return this.serial++;
  }

  unknown(name: string, width: number): Term {
    return this.terms.unknown(name, width);
  }

  /** `fact` holds on every run; it is told to the solver with whatever mentions `symbol`. */
  assume(symbol: Term, fact: Term): void {
    const facts = this.known.get(symbol);
    if (facts === undefined) this.known.set(symbol, [fact]);
    else facts.push(fact);
  }

  /** The same where it may have been said before. */
  assumeOnce(symbol: Term, fact: Term): void {
    if (!this.factsOf(symbol).includes(fact)) this.assume(symbol, fact);
  }

  /**
   * `found` is the address of a map's value of that many bytes, or null. Two values of one memory are the same or
   * share no byte, wherever they lie.
   */
  isElement(found: Term, values: Region, size: number): void {
    const { terms } = this;
    const region = this.regionNamed(values);
    const others = this.elements.get(region) ?? [];
    if (others.some((other) => other.found === found)) return;
    for (const other of others) {
      const isBehind = terms.ule(terms.bits(64, other.size), terms.sub(found, other.found));
      const isBefore = terms.ule(terms.bits(64, size), terms.sub(other.found, found));
      this.assume(found, terms.any([terms.eq(found, other.found), terms.all([isBehind, isBefore])]));
    }
    this.elements.set(region, [...others, { found, size }]);
    // A value lies below the addresses that errors are told by, and not at those that a null pointer leads to.
    const isAddress = terms.ult(terms.sub(found, terms.bits(64, 0x10000)), terms.bits(64, -0x110000n - BigInt(size)));
    this.assume(found, terms.any([terms.eq(found, terms.bits(64, 0)), isAddress]));
  }

  /**
   * `formula` says what `name` is by the way that was gone. Unlike what is assumed it is told to the solver only where
   * it takes that: most questions are decided without, and each definition brings others.
   */
  define(name: Term, formula: Term): void {
    this.definitions.set(name, formula);
  }

  definitionOf(name: Term): Term | undefined {
    return this.definitions.get(name);
  }

  factsOf(symbol: Term): readonly Term[] {
    return this.known.get(symbol) ?? [];
  }

  /** The memory that an address lies in; undefined for a number. A value loaded from memory points to `other`. */
  regionOf(address: Term): Region | undefined {
    const known = this.regions.get(address);
    if (known !== undefined) return this.simplest(known);
    const [a, b, c] = address.args;
    switch (address.op) {
      case 'bvadd': {
        const [x, y] = [this.regionOf(a as Term), this.regionOf(b as Term)];
        return x === undefined || x === 'loaded'
          ? (y ?? x)
          : y === undefined || y === 'loaded'
            ? x
            : mixedRegion([x, y]);
      }
      case 'bvsub':
        return this.regionOf(a as Term);
      case 'ite': {
        const [x, y] = [this.regionOf(b as Term), this.regionOf(c as Term)];
        if (x === y || isNull(c as Term)) return x;
        if (isNull(b as Term)) return y;
        return x === undefined || y === undefined ? undefined : mixedRegion([x, y]);
      }
      case 'concat':
      case 'select':
        return 'loaded';
      default:
        return undefined;
    }
  }

  /** A mixed region whose parts have become one is that one. */
  private simplest(region: Region): Region {
    const parts = mixedParts(region);
    if (parts === undefined) return this.regionNamed(region);
    const names = new Set(parts.map((part) => this.regionNamed(part)));
    return names.size === 1 ? ([...names][0] as Region) : mixedRegion([...names]);
  }

  /** The pointer of an address and what is added to it. */
  split(address: Term): { readonly base: Term; readonly offset: Term } | undefined {
    const { terms } = this;
    const region = this.regions.get(address);
    if (region !== undefined) return { base: address, offset: terms.bits(64, 0) };
    const [a, b] = address.args as [Term, Term];
    if (address.op === 'bvsub') {
      const inner = this.split(a);
      return inner && { base: inner.base, offset: terms.sub(inner.offset, b) };
    }
    if (address.op !== 'bvadd') return undefined;
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const inner = this.split(x);
      if (inner !== undefined) return { base: inner.base, offset: terms.add(inner.offset, y) };
    }
    return undefined;
  }
}

function isNull(term: Term): boolean {
  return term.op === 'const' && term.value === 0n;
}
