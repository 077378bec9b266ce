/**
 * What a rule over a window claims, as terms: the bits that are asked for are the same, whatever the registers hold.
 */
import type { Insn } from '../../isa/index.js';
import { type Solver, type Term, Terms } from '../../solve/index.js';
import { aluTerm, readsDestination } from '../proof/alu.js';
import { hasRegister, type Shape } from './window.js';

/** Registers with values on which a window and its replacement differ, or that there are none. */
export type RuleAnswer =
  | { readonly kind: 'proved' }
  | { readonly kind: 'refuted'; readonly registers: readonly bigint[] }
  /** The limit of steps was reached. */
  | { readonly kind: 'unknown' };

/** Asks the solver about one replacement. */
export async function proveRule(
  { insns, known, asked }: Shape,
  after: readonly Insn[],
  solver: Solver,
  limit: number,
): Promise<RuleAnswer> {
  const terms = new Terms();
  const start = known.map((bits, i) => {
    const name = terms.unknown(`r${i + 1}`, 64);
    return bits === 64 ? name : terms.zeroExtend(terms.extract(name, Math.max(bits, 1) - 1, 0), 64);
  });
  const old = run(terms, insns, start);
  const fresh = run(terms, after, start);
  const differ = asked.flatMap((bits, i) => {
    const [x, y] = [old[i] as Term, fresh[i] as Term]; // one for each register
    return bits === 0 ? [] : [terms.no(terms.eq(terms.extract(x, bits - 1, 0), terms.extract(y, bits - 1, 0)))];
  });
  const claim = terms.any(differ);
  if (claim === terms.false) return { kind: 'proved' };
  const answer = await solver.check([claim], limit);
  if (answer.verdict === 'unsat') return { kind: 'proved' };
  if (answer.verdict === 'unknown') return { kind: 'unknown' };
  const { values } = answer.model;
  const registers = known.map((bits, i) => BigInt.asUintN(bits, values.get(`r${i + 1}`) ?? 0n));
  return { kind: 'refuted', registers };
}

function run(terms: Terms, insns: readonly Insn[], start: readonly Term[]): Term[] {
  const registers = [...start];
  for (const insn of insns) {
    const a = readsDestination(insn) ? (registers[insn.dst - 1] as Term) : terms.bits(64, 0); // shapes are on these
    const b = hasRegister(insn) ? (registers[insn.src - 1] as Term) : terms.bits(64, BigInt(insn.imm));
    registers[insn.dst - 1] = aluTerm(terms, insn, a, b);
  }
  return registers;
}
