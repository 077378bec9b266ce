/**
 * Loads from tables that nobody can change, by an address that depends on the start: `next[state][event]`. What is
 * loaded is a choice between the table's elements by the bits of the index, so that a solver can ask for an element
 * instead of the address being taken for what it was.
 */
import { lowZeros, type Term, type Terms } from '../../solve/index.js';
import type { GuestAddress, Machine } from '../../vm/index.js';

/** Elements that are chosen between at most; of larger tables the address stays what it was. */
const mostElements = 1024;

/** A load from a table. */
export interface TableLoad {
  readonly value: Term;
  /** The address lies in the table, which it does as far as the verifier knows. */
  readonly isInside: Term;
}

/** The constant maps of one machine: `.rodata` and its like. */
export class ConstantTables {
  private readonly terms: Terms;
  private readonly machine: Machine;
  private readonly areas: readonly { readonly start: number; readonly size: number }[];
  private readonly known = new Map<Term, Map<number, TableLoad | undefined>>();

  constructor(terms: Terms, machine: Machine) {
    this.terms = terms;
    this.machine = machine;
    this.areas = machine.maps
      .filter((map) => map.isConstant && map.spec.maxEntries === 1)
      .map((map) => ({ start: map.directValue(), size: map.spec.valueSize }));
  }

  /** `address` is the value of the term. Undefined: it lies in no such table, or in one that is too large. */
  load(term: Term, address: number, size: number): TableLoad | undefined {
    const area = this.areas.find(({ start, size: all }) => address >= start && address + size <= start + all);
    if (area === undefined || area.start === 0) return undefined;
    const ofTerm = this.known.get(term) ?? new Map<number, TableLoad | undefined>();
    this.known.set(term, ofTerm);
    if (!ofTerm.has(size)) ofTerm.set(size, this.choice(term, address, size, area));
    return ofTerm.get(size);
  }

  private choice(
    term: Term,
    address: number,
    size: number,
    area: { readonly start: number; readonly size: number },
  ): TableLoad | undefined {
    const { terms, machine } = this;
    // From the first element that it may be: what follows are whole steps of the index.
    const step = Math.min(16, lowZeros(terms.sub(term, terms.bits(64, address))));
    const first = area.start + ((address - area.start) % 2 ** step);
    const count = Math.floor((area.start + area.size - size - first) / 2 ** step) + 1;
    if (count > mostElements) return undefined;
    const offset = terms.sub(term, terms.bits(64, first));
    const element = (index: number): Term => {
      const at = first + index * 2 ** step;
      let value = 0n;
      for (let i = size - 1; i >= 0; i--)
        value = (value << 8n) | BigInt(machine.memory.load8((at + i) as GuestAddress));
      return terms.bits(8 * size, value);
    };
    const choose = (from: number, bits: number): Term => {
      if (bits === 0) return element(from);
      const half = 2 ** (bits - 1);
      const low = choose(from, bits - 1);
      if (from + half >= count) return low;
      const bit = terms.extract(offset, step + bits - 1, step + bits - 1);
      return terms.ite(terms.eq(bit, terms.bits(1, 1)), choose(from + half, bits - 1), low);
    };
    const limit = terms.bits(64, (count - 1) * 2 ** step);
    return { value: choose(0, Math.ceil(Math.log2(Math.max(1, count)))), isInside: terms.ule(offset, limit) };
  }
}
