/** Runs the passes over one function until nothing changes. */
import { codeSize } from './emit.js';
import { copyCode, type FunctionCode } from './function-code.js';
import type { Goal, Pass, PassContext } from './passes/pass.js';
import { passes } from './passes/passes.js';
import type { RuleSet } from './search/rules.js';

/** What may be done to one function, and who is asked. */
export interface FunctionOptions {
  readonly goal: Goal;
  /** Names of the passes that run. */
  readonly enabled: ReadonlySet<string>;
  /** May load, change and store be fused? */
  readonly atomics: boolean;
  /** All atomic operations of the code's version may be used, though the input has none. */
  readonly isAsked?: boolean | undefined;
  /** Rules over windows beside those of the repository. */
  readonly rules?: RuleSet | undefined;
  /** Accesses stay aligned. */
  readonly aligned?: boolean | undefined;
  /** Asked before each change: the pass, and the slot of the section that it is about. */
  readonly allow: (pass: string, slot: number) => boolean;
  /** Told after each run of a pass. */
  readonly watch?: ((pass: string, code: FunctionCode, changed: boolean) => void) | undefined;
}

/** Most times that the list of passes runs. */
const maxRounds = 20;

/** Changes the code in place. Slots that each pass took away, by name. */
export function optimizeFunction(code: FunctionCode, options: FunctionOptions): ReadonlyMap<string, number> {
  return new Run(code, options).all();
}

/** One function on its way through the passes. */
class Run {
  private readonly code: FunctionCode;
  private readonly options: FunctionOptions;
  private saved = new Map<string, number>();
  private size: number;
  /** Counts changes; by pass, the count at which it last found nothing. */
  private version = 0;
  private readonly idle = new Map<string, number>();

  constructor(code: FunctionCode, options: FunctionOptions) {
    this.code = code;
    this.options = options;
    this.size = codeSize(code);
  }

  all(): ReadonlyMap<string, number> {
    const { goal: wanted, enabled } = this.options;
    const chosen = passes.filter(({ name, goal }) => enabled.has(name) && (goal === undefined || goal === wanted));
    const again = chosen.filter(({ once }) => once === undefined);
    this.settle(again);
    for (const pass of chosen.filter(({ once }) => once !== undefined)) this.once(pass, again);
    return this.saved;
  }

  /** The list again and again until nothing changes. */
  private settle(list: readonly Pass[]): void {
    for (let round = 0; round < maxRounds; round++) {
      const changes = list.map((pass) => this.pass(pass));
      if (!changes.includes(true)) return;
    }
  }

  /** The pass and what comes of it, taken back if the code is larger then. */
  private once(pass: Pass, others: readonly Pass[]): void {
    const { code, size } = this;
    const before = copyCode(code);
    const saved = new Map(this.saved);
    if (!this.pass(pass)) return;
    this.settle(others);
    if (this.size <= size || pass.once === 'may grow') return;
    code.blocks = before.blocks;
    this.saved = saved;
    this.size = size;
    this.version++;
  }

  private pass({ name, run }: Pass): boolean {
    if (this.idle.get(name) === this.version) return false;
    const { code, options } = this;
    const { goal, atomics, isAsked = false, aligned = false, rules, allow, watch } = options;
    const { version } = code;
    const context: PassContext = {
      goal,
      atomics,
      version,
      isAsked,
      aligned,
      rules,
      allow: (about) => allow(name, about.line),
    };
    const hasChanged = run(code, context);
    watch?.(name, code, hasChanged);
    if (hasChanged) {
      this.version++;
      const size = codeSize(code);
      this.saved.set(name, (this.saved.get(name) ?? 0) + this.size - size);
      this.size = size;
    } else this.idle.set(name, this.version);
    return hasChanged;
  }
}
