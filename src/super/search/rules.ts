/**
 * Rules over windows: what may stand in the place of what, as data. Each was found by search (`npm run find-rules`) and
 * is an obligation to a solver, which the tests discharge; the table is what the pass `windows` applies.
 */
import { type BpfVersion, has } from '../../bpf/index.js';
import { assembleInsns, formatInsn, type Insn } from '../../isa/index.js';
import { versionOf } from '../version.js';
import { foundRules } from './found-rules.js';
import { insnsKey, type Shape } from './window.js';

/**
 * A rule as text: assembler on r1 to r4, and of each register how many low bits may be set before and are asked for.
 */
export interface RuleText {
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly known: readonly number[];
  readonly asked: readonly number[];
}

/** One rule: a window of that shape is what comes after. */
export interface Rule extends Shape {
  readonly after: readonly Insn[];
  /** Least instruction set that has what comes after. */
  readonly version: BpfVersion;
}

/** Rules by the instructions that they begin with. */
export class RuleSet {
  private readonly byInsns = new Map<string, Rule[]>();

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) this.add(rule);
  }

  add(rule: Rule): void {
    const key = insnsKey(rule.insns);
    const list = this.byInsns.get(key);
    if (list === undefined) this.byInsns.set(key, [rule]);
    else list.push(rule);
  }

  /** The shortest that may stand in the place of a window: one that knows no more and keeps no less. */
  find(shape: Shape, version: BpfVersion): Rule | undefined {
    let best: Rule | undefined;
    for (const rule of this.byInsns.get(insnsKey(shape.insns)) ?? []) {
      const fits =
        has(version, rule.version) &&
        shape.known.every((bits, i) => bits <= (rule.known[i] ?? 0)) &&
        shape.asked.every((bits, i) => bits <= (rule.asked[i] ?? 0));
      if (fits && (best === undefined || rule.after.length < best.after.length)) best = rule;
    }
    return best;
  }
}

/** Makes a rule of instructions. */
export function ruleOf(shape: Shape, after: readonly Insn[]): Rule {
  const { insns, known, asked } = shape;
  return { insns, known, asked, after, version: versionOf(after) };
}

/** Reads a rule. */
export function parseRule({ before, after, known, asked }: RuleText): Rule {
  const insns = assembleInsns(before.join('\n'));
  return ruleOf({ insns, known, asked }, after.length === 0 ? [] : assembleInsns(after.join('\n')));
}

/** Writes a rule. */
export function formatRule({ insns, after, known, asked }: Rule): RuleText {
  const text = (list: readonly Insn[]): string[] => list.map((_, i) => formatInsn(list, i, 'llvm', {}));
  return { before: text(insns), after: text(after), known, asked };
}

/** All rules of the repository. */
export const knownRules: readonly Rule[] = foundRules.map(parseRule);
