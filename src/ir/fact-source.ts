/**
 * What a verifier found out about a program, as the translation asks for it. Without facts every answer is the one
 * that is always right.
 */
import type { ProgramFacts, Scalar, ValueFact } from '../verifier/index.js';
import { fillRight } from './ones.js';
import { mask32, mask64, type Space } from './value.js';

/** Offsets of a pointer that leave its address within 32 bits, wherever its object lies. */
const lowestOffset = -0x10000n;
const highestOffset = 1n << 30n;

/** What a verifier found out, asked by slot. Without facts each answer is the one that promises nothing. */
export class FactSource {
  private readonly facts: ProgramFacts | undefined;

  constructor(facts: ProgramFacts | undefined) {
    this.facts = facts;
  }

  /** Which ways the conditional jump at `pc` can go. */
  waysOf(pc: number): { readonly taken: boolean; readonly fallThrough: boolean } {
    const insn = this.facts?.insns[pc];
    // A jump that the verifier never came to has no facts, and needs none.
    if (insn === undefined || !insn.reached || (!insn.taken && !insn.fallThrough))
      return { taken: true, fallThrough: true };
    return insn;
  }

  /** Memory that register `r` points to before the instruction at `pc`, and the index of its map or -1. */
  placeOf(pc: number, r: number): { readonly space: Space; readonly map: number } {
    const fact = this.regAt(pc, r);
    if (fact?.kind === 'pointer') {
      switch (fact.to) {
        case 'ctx':
          return { space: 'context', map: -1 };
        case 'pkt':
        case 'pkt_meta':
          return { space: 'packet', map: -1 };
        case 'fp':
          return { space: 'stack', map: -1 };
        case 'map_value':
          return { space: 'map', map: fact.map };
        default:
      }
    }
    return { space: 'other', map: -1 };
  }

  /** Index of the map whose handle is in register `r`, or -1. */
  mapOf(pc: number, r: number): number {
    const fact = this.regAt(pc, r);
    return fact?.kind === 'pointer' && fact.to === 'map_ptr' && !fact.nullable ? fact.map : -1;
  }

  /** Bits that register `r` can have before the instruction at `pc`. */
  onesOf(pc: number, r: number): bigint {
    const fact = this.regAt(pc, r);
    return fact === undefined ? mask64 : onesOfFact(fact);
  }

  /** The verifier's fact; undefined where it never came by. */
  private regAt(pc: number, r: number): ValueFact | undefined {
    const insn = this.facts?.insns[pc];
    return insn?.reached === true ? insn.regs[r] : undefined;
  }
}

/** Bits that the register can have. Pointers are guest addresses of 32 bits as long as they stay near their object. */
function onesOfFact(fact: ValueFact): bigint {
  if (fact.kind === 'scalar') return onesOfScalar(fact.range);
  if (fact.kind === 'any') return mask64;
  return fact.offset.smin >= lowestOffset && fact.offset.smax <= highestOffset ? mask32 : mask64;
}

function onesOfScalar(range: Scalar): bigint {
  return (range.value | range.mask) & fillRight(range.umax);
}
