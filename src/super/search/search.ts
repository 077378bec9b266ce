/**
 * Looks for something shorter that does what a window does. Short replacements are enumerated: all instructions over
 * the window's registers, and constants made of its own; what leaves the registers as an earlier one did is not tried
 * again. Longer ones are found by chance: one instruction of a guess is changed at a time, and worse guesses are kept
 * with a probability that falls with how much worse they are (Metropolis). Guesses are judged by tests; who asks has
 * them proved and gives back the counterexample, which is one more test.
 *
 * Effort is counted in steps (instructions that are run on tests) and chance has a seed: equal questions, equal
 * answers.
 */
import { type BpfVersion, has } from '../../bpf/index.js';
import { type Insn, op } from '../../isa/index.js';
import { Prng } from '../../packet/index.js';
import { aluValue } from '../alu-values.js';
import { reads, writes } from '../effects.js';
import { constantOf, Values } from '../values.js';
import { hasRegister, type Shape } from './window.js';

/** What a search may cost. */
export interface SearchBudget {
  readonly steps: number;
  readonly seed: number;
}

/** One search; it goes on where it was when it is asked again. */
export class WindowSearch {
  private readonly shape: Shape;
  private readonly alphabet: readonly Insn[];
  private readonly prng: Prng;
  private readonly tests: bigint[][] = [];
  private wanted: bigint[][] = [];
  private values = new Values();
  private left: number;
  private readonly candidates: Iterator<Insn[]>;

  constructor(shape: Shape, version: BpfVersion, { steps, seed }: SearchBudget) {
    this.shape = shape;
    this.left = steps;
    this.prng = new Prng(seed);
    this.alphabet = alphabetOf(shape, version);
    for (let i = 0; i < 12; i++) this.addTest(shape.known.map((bits) => this.sample(bits)));
    this.candidates = this.guesses();
  }

  /** The next replacement that passes all tests, shorter ones first; undefined: there is none, or no steps are left. */
  next(): readonly Insn[] | undefined {
    const { value, done } = this.candidates.next();
    return done === true ? undefined : value;
  }

  /** Registers on which the last replacement was wrong. */
  refute(registers: readonly bigint[]): void {
    this.addTest(registers);
  }

  private addTest(registers: readonly bigint[]): void {
    this.tests.push([...registers]);
    this.wanted.push(this.outcome(this.shape.insns, registers) ?? []);
  }

  /** A number of so many bits, of the kinds that tell instructions apart. */
  private sample(bits: number): bigint {
    const half = (): bigint => BigInt(this.prng.below(0x1_0000_0000));
    const any = (half() << 32n) | half();
    const kinds = [any, 0n, 0xffff_ffff_ffff_ffffn, 1n << BigInt(this.prng.below(64)), half(), any | (1n << 63n)];
    return BigInt.asUintN(bits, kinds[this.prng.below(kinds.length)] ?? any);
  }

  /** All registers behind the instructions; undefined where no steps are left. */
  private outcome(insns: readonly Insn[], registers: readonly bigint[]): bigint[] | undefined {
    // Names of numbers pile up.
    if (this.left-- % 20_000 === 0) this.values = new Values();
    const { values } = this;
    const now = registers.map((value) => values.constant(value));
    for (const insn of insns) {
      const a = now[insn.dst - 1];
      const b = hasRegister(insn) ? now[insn.src - 1] : values.constant(BigInt(insn.imm));
      if (a === undefined || b === undefined) return undefined;
      now[insn.dst - 1] = aluValue(values, insn, a, b);
    }
    const result = now.map(constantOf);
    return result.every((value) => value !== undefined) ? (result as bigint[]) : undefined; // checked
  }

  /** Are the bits that are asked for those of the window? */
  private isRight(outcome: readonly bigint[], test: number): boolean {
    return this.shape.asked.every((bits, r) => {
      const difference = (outcome[r] ?? 0n) ^ (this.wanted[test]?.[r] ?? 0n);
      return BigInt.asUintN(bits, difference) === 0n;
    });
  }

  private passes(insns: readonly Insn[]): boolean {
    return (
      isReadable(this.shape, insns) &&
      this.tests.every((test, i) => {
        const outcome = this.outcome(insns, test);
        return outcome !== undefined && this.isRight(outcome, i);
      })
    );
  }

  private *guesses(): Generator<Insn[]> {
    const { length } = this.shape.insns;
    if (this.passes([])) yield [];
    for (const insn of this.alphabet) if (length > 1 && this.left > 0 && this.passes([insn])) yield [insn];
    if (length > 2) yield* this.pairs();
    if (length > 3) yield* this.byChance(length - 1);
  }

  /** Two instructions; firsts that leave the same on all tests are one. */
  private *pairs(): Generator<Insn[]> {
    const seen = new Set<string>();
    for (const first of this.alphabet) {
      const state = this.tests.map((test) => this.outcome([first], test)?.join(',')).join(' ');
      if (seen.has(state)) continue;
      seen.add(state);
      for (const second of this.alphabet) {
        if (this.left <= 0) return;
        if (this.passes([first, second])) yield [first, second];
      }
    }
  }

  /** Wrong bits over all tests. */
  private cost(insns: readonly Insn[]): number {
    let wrong = 0;
    for (const [i, test] of this.tests.entries()) {
      const outcome = this.outcome(insns, test);
      for (const [r, bits] of this.shape.asked.entries()) {
        let difference = BigInt.asUintN(bits, (outcome?.[r] ?? 0n) ^ (this.wanted[i]?.[r] ?? 0n));
        for (; difference !== 0n; difference &= difference - 1n) wrong++;
      }
    }
    return wrong;
  }

  private *byChance(length: number): Generator<Insn[]> {
    const pick = (): Insn => this.alphabet[this.prng.below(this.alphabet.length)] as Insn; // never empty
    let now = this.shape.insns.slice(0, length);
    let cost = this.cost(now);
    while (this.left > 0) {
      const guess = now.with(this.prng.below(length), pick());
      const next = this.cost(guess);
      if (next === 0 && this.passes(guess)) yield guess;
      const isKept = next <= cost || this.prng.below(1000) < 1000 * Math.exp((cost - next) / 40);
      if (!isKept) continue;
      now = guess;
      cost = next;
    }
  }
}

/** Does it read only what the window reads, or what it made itself? Other registers may never have been written. */
function isReadable({ insns }: Shape, guess: readonly Insn[]): boolean {
  const inputs = readFirst(insns);
  return (readFirst(guess) & ~inputs) === 0;
}

/** Registers that are read before they are written. */
function readFirst(insns: readonly Insn[]): number {
  let read = 0;
  let written = 0;
  for (const insn of insns) {
    read |= reads(insn) & ~written;
    written |= writes(insn);
  }
  return read;
}

const kinds: readonly number[] = [op.MOV, op.ADD, op.SUB, op.AND, op.OR, op.XOR, op.LSH, op.RSH, op.ARSH];
const usual: readonly number[] = [1, 8, 16, 24, 32, 48, 56, 0xff, 0xffff, -1];

/** Instructions that a replacement is made of. */
function alphabetOf({ insns, known }: Shape, version: BpfVersion): Insn[] {
  const own = insns.filter((insn) => !hasRegister(insn)).map(({ imm }) => imm);
  const sums = own.flatMap((a) => own.flatMap((b) => [a + b, a - b, a & b, a | b]));
  const constants = [...new Set([...own, ...sums, ...usual])].filter((imm) => imm === (imm | 0));
  const registers = known.map((_, i) => i + 1);
  const classes =
    has(version, 'v3') || insns.some(({ code }) => (code & 7) === op.ALU) ? [op.ALU64, op.ALU] : [op.ALU64];
  const list: Insn[] = [];
  for (const cls of classes)
    for (const kind of kinds)
      for (const dst of registers) {
        const isShift = kind === op.LSH || kind === op.RSH || kind === op.ARSH;
        for (const src of registers) list.push({ code: cls | kind | op.X, dst, src, off: 0, imm: 0 });
        for (const imm of constants)
          if (!isShift || (imm > 0 && imm < (cls === op.ALU64 ? 64 : 32)))
            list.push({ code: cls | kind, dst, src: 0, off: 0, imm });
      }
  for (const insn of insns)
    if ((insn.code & 0xf0) === op.END || (insn.code & 0xf0) === op.MUL)
      for (const dst of registers) list.push({ ...insn, dst });
  if (has(version, 'v4'))
    for (const cls of [op.ALU64, op.ALU])
      for (const dst of registers)
        for (const src of registers)
          for (const off of cls === op.ALU64 ? [8, 16, 32] : [8, 16])
            list.push({ code: cls | op.MOV | op.X, dst, src, off, imm: 0 });
  return list;
}
