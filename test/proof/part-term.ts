/** Parts of a path condition in normal form as terms. */
import type { Conjunct, Facts } from '../../src/condition/index.js';
import { type Bit, indexOf, isInverted, sourceOf } from '../../src/condition/index.js';
import type { Term, ValueTerms } from '../../src/solve/index.js';

export function partTerm(values: ValueTerms, facts: Facts, part: Conjunct): Term {
  const { terms } = values;
  const number = (bits: readonly Bit[]): Term =>
    terms.concatAll(bits.map((bit) => bitTerm(values, facts, bit)).reverse());
  const constant = (x: bigint, bits: readonly Bit[]): Term => terms.bits(bits.length, x);
  switch (part.kind) {
    case 'bit':
      return terms.eq(bitTerm(values, facts, part.literal.bit), terms.bits(1, part.literal.value));
    case 'exclusion':
      return terms.any(
        part.open.map(({ bit, value }) => terms.distinct(bitTerm(values, facts, bit), terms.bits(1, value))),
      );
    case 'least':
      return terms.ule(constant(part.bound, part.subject.bits), number(part.subject.bits));
    case 'most':
      return terms.ule(number(part.subject.bits), constant(part.bound, part.subject.bits));
    case 'gap': {
      const { subject, lo, hi } = part.gap;
      const x = number(subject.bits);
      return terms.any([terms.ult(x, constant(lo, subject.bits)), terms.ult(constant(hi, subject.bits), x)]);
    }
    case 'found': {
      const found = values.truth(part.lookup);
      return part.found ? found : terms.no(found);
    }
    case 'compare': {
      const { op, a, b, holds } = part.compare;
      const relation = op === 'eq' ? '=' : op === 'ult' ? 'bvult' : 'bvslt';
      const term = terms.relation(relation, values.term(a), values.term(b));
      return holds ? term : terms.no(term);
    }
  }
}

function bitTerm(values: ValueTerms, facts: Facts, bit: Bit): Term {
  const { terms } = values;
  if (bit < 2) return terms.bits(1, bit);
  const source = facts.sources.sources[sourceOf(bit)];
  if (source === undefined) throw new Error(`bit ${bit} is of no source`);
  const index = indexOf(bit);
  const byte = Math.floor(index / 8);
  const at = index - 8 * byte;
  const own =
    source.kind === 'value'
      ? terms.extract(values.term(source.value), index, index)
      : terms.extract(
          source.kind === 'packet'
            ? values.byte('packet', source.base, BigInt(byte))
            : source.cell === undefined
              ? values.byte('memory', source.base, BigInt(source.start + byte))
              : values.cellByte(source.cell, source.base, BigInt(source.start + byte)),
          at,
          at,
        );
  return isInverted(bit) ? terms.not(own) : own;
}
