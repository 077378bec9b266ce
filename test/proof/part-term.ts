/** Parts of a path condition in normal form as SMT-LIB 2 terms. */

import type { Conjunct, Facts } from '../../src/condition/index.js';
import { type Bit, indexOf, isInverted, sourceOf } from '../../src/condition/index.js';
import type { SmtWriter } from '../../src/ir/smt.js';

export function partTerm(writer: SmtWriter, facts: Facts, part: Conjunct): string {
  const number = (bits: readonly Bit[]): string => {
    const terms = bits.map((bit) => bitTerm(writer, facts, bit)).reverse();
    return terms.length === 1 ? (terms[0] ?? '') : `(concat ${terms.join(' ')})`;
  };
  const constant = (x: bigint, bits: readonly Bit[]): string => `#b${x.toString(2).padStart(bits.length, '0')}`;
  switch (part.kind) {
    case 'bit':
      return `(= ${bitTerm(writer, facts, part.literal.bit)} #b${part.literal.value})`;
    case 'exclusion':
      return `(or false ${part.open.map(({ bit, value }) => `(distinct ${bitTerm(writer, facts, bit)} #b${value})`).join(' ')})`;
    case 'least':
      return `(bvuge ${number(part.subject.bits)} ${constant(part.bound, part.subject.bits)})`;
    case 'most':
      return `(bvule ${number(part.subject.bits)} ${constant(part.bound, part.subject.bits)})`;
    case 'gap': {
      const { subject, lo, hi } = part.gap;
      const x = number(subject.bits);
      return `(or (bvult ${x} ${constant(lo, subject.bits)}) (bvugt ${x} ${constant(hi, subject.bits)}))`;
    }
    case 'found': {
      const missing = `(= ${writer.term(part.lookup)} #x0000000000000000)`;
      return part.found ? `(not ${missing})` : missing;
    }
    case 'compare': {
      const { op, a, b, holds } = part.compare;
      const text = `(${op === 'eq' ? '=' : op === 'ult' ? 'bvult' : 'bvslt'} ${writer.term(a)} ${writer.term(b)})`;
      return holds ? text : `(not ${text})`;
    }
  }
}

function bitTerm(writer: SmtWriter, facts: Facts, bit: Bit): string {
  if (bit < 2) return `#b${bit}`;
  const source = facts.sources.sources[sourceOf(bit)];
  const index = indexOf(bit);
  const byte = Math.floor(index / 8);
  const at = index - 8 * byte;
  const own =
    source === undefined || source.kind === 'value'
      ? `((_ extract ${index} ${index}) ${source === undefined ? '' : writer.term(source.value)})`
      : `((_ extract ${at} ${at}) ${
          source.kind === 'packet'
            ? writer.byte('packet', source.base, BigInt(byte))
            : writer.byte('memory', source.base, BigInt(source.start + byte))
        })`;
  return isInverted(bit) ? `(bvnot ${own})` : own;
}
