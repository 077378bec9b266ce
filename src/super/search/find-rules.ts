/**
 * Searches the windows of a file for rules: each window of a canonical form once, candidates by tests, and what passes
 * them to the solver, whose counterexamples become tests. What is found is proved.
 */
import type { BpfVersion } from '../../bpf/index.js';
import { fileFunctions } from '../../object/index.js';
import type { Solver } from '../../solve/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import { functionCode } from '../function-code.js';
import { longestWindow } from '../passes/windows.js';
import { versionOf } from '../version.js';
import { proveRule } from './obligation.js';
import { type Rule, ruleOf } from './rules.js';
import { WindowSearch } from './search.js';
import { type Shape, shapeKey, windowsOf } from './window.js';

/** Windows by canonical form with what was found for them; keeps what it knows over files. */
export class RuleFinder {
  private readonly solver: Solver;
  private readonly steps: number;
  private readonly known = new Map<string, Rule | undefined>();
  /** Questions that the solver was asked. */
  questions = 0;

  /** `steps`: what the search in one window may cost. */
  constructor(solver: Solver, steps: number) {
    this.solver = solver;
    this.steps = steps;
  }

  /** Windows that were looked at. */
  get searched(): number {
    return this.known.size;
  }

  /** Rules for windows of a file; `version`: instructions that may be used, by default those of its code. */
  async find(bytes: Uint8Array, version?: BpfVersion): Promise<Rule[]> {
    const functions = fileFunctions(bytes);
    const used = version ?? versionOf(functions.flatMap(({ insns }) => insns));
    const shapes = new Map<string, Shape>();
    for (const fn of functions) {
      const code = functionCode(fn, { isEntry: false, narrowResult: false, isXdp: false, version: used }, () => ({
        region: undefined,
        facts: undefined,
      }));
      const flow = flowOf(code);
      const demands = demandsOf(code);
      for (const block of code.blocks) {
        const entry = flow.entry.get(block);
        if (entry === undefined) continue;
        for (const window of windowsOf(block, entry, flow, demands, longestWindow)) {
          const { insns, known, asked } = window;
          shapes.set(shapeKey(window), { insns, known, asked });
        }
      }
    }
    const rules: Rule[] = [];
    for (const [key, shape] of shapes) {
      const id = `${used} ${key}`;
      if (!this.known.has(id)) this.known.set(id, await this.search(shape, used));
      const rule = this.known.get(id);
      if (rule !== undefined) rules.push(rule);
    }
    return rules;
  }

  private async search(shape: Shape, version: BpfVersion): Promise<Rule | undefined> {
    const search = new WindowSearch(shape, version, { steps: this.steps, seed: 1 });
    for (let tries = 0; tries < maxTries; tries++) {
      const after = search.next();
      if (after === undefined) return undefined;
      this.questions++;
      const answer = await proveRule(shape, after, this.solver, solverSteps);
      if (answer.kind === 'proved') return ruleOf(shape, after);
      if (answer.kind === 'refuted') search.refute(answer.registers);
    }
    return undefined;
  }
}

/** Replacements of one window that the solver is shown at most. */
const maxTries = 40;
const solverSteps = 1_000_000;
