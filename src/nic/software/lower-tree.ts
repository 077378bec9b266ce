/**
 * A trace tree as functions (tree-layout.ts): each test is a branch, each leaf the bodies of its traces, tried in
 * turn. What a path has computed is there for all that lies below it in its function. A packet that no trace takes
 * ends at the place where it came deepest into the tree, as in {@link TraceTree.run}.
 */
import { checkFunction, type Detail, type FunctionCode, isConst, mask32, type Value } from '../../ir/index.js';
import { ownFunction, worldOfMachine } from '../../jit/index.js';
import { defaultSettings, optimize, type Pass, passes, type Settings } from '../../opt/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { LoadedProgram } from '../../vm/index.js';
import type { SideExit } from '../port.js';
import { BlockBuilder, type Landing, type Side } from './block-builder.js';
import { BodyLowering } from './lower-body.js';
import type { BodyContext } from './lower-call.js';
import type { Refusal } from './lower-transaction.js';
import { NotCompiled, ValueLowering } from './lower-value.js';
import type { TestOf, TraceTree, TreeNode, TreeTrace } from './tree.js';
import { layOut, type TreeLayout, type WeightOf } from './tree-layout.js';

/** A tree as functions, and what their numbers mean. */
export interface LoweredTree {
  /**
   * The first is the packet loop's body; the others are called by number ({@link ownFunction}) and return 0 for a
   * packet that they decided, else the exit's word plus 1.
   */
  readonly functions: readonly [FunctionCode, ...FunctionCode[]];
  /** All that are compiled. */
  readonly traces: readonly TreeTrace[];
  /** By the low 20 bits of what records say of a miss. */
  readonly exits: readonly SideExit[];
  /** Traces with something that is not compiled. */
  readonly omitted: readonly TreeTrace[];
  /** Positions below this one belong to traces of the first function. */
  readonly hot: number;
}

/** What the tree's code is made for. */
export type LowerOptions = Omit<BodyContext, 'builder'> & {
  readonly program: LoadedProgram;
  /** Guest address of a byte for each trace: 0 where the trace is switched off. Absent: none will be. */
  readonly switches: number | undefined;
  /** Guest address of the traces' counters, {@link counterSize} bytes each in order. */
  readonly counters: number;
  /** What records are to say of a packet that the trace decided. */
  readonly numberOf: (trace: TreeTrace) => number;
  /** Packets of a trace, for the layout; undefined: it is left out, since it is not compilable. */
  readonly weightOf: WeightOf;
};

/** Bytes of a trace's counter: u32 packets, u32 address of the last one's record. */
export const counterSize = 8;

/** An exit's word: depth above, number below. */
const exitBits = 20n;
/** The part of a miss's word that numbers the exit; above it stands how deep the packet came. */
export const exitMask: number = 2 ** Number(exitBits) - 1;

/**
 * Passes that find something in a tree's functions. Those that rely on a verifier run where one has accepted the
 * program.
 */
const chosen = passes.filter(({ targets }) => targets.includes('card'));
const verifiedPasses: Settings = { ...defaultSettings, enabled: namesOf(chosen) };
/** Passes for code that no verifier has accepted. */
const anyPasses: Settings = { ...defaultSettings, enabled: namesOf(chosen.filter((pass) => !pass.needsVerified)) };

function namesOf(list: readonly Pass[]): ReadonlySet<string> {
  return new Set(list.map(({ name }) => name));
}

/** Lowers a tree. Traces that cannot be compiled are left out and named in {@link LoweredTree.omitted}. */
export function lowerTree(tree: TraceTree, options: LowerOptions): LoweredTree {
  return new TreeLowering(tree, options).lower();
}

/** Can this trace be compiled? Found by trying. */
export function isCompilable(
  trace: RecordedTrace,
  options: Omit<BodyContext, 'builder'> & Pick<LowerOptions, 'program'>,
): boolean {
  const builder = new BlockBuilder(options.program);
  const context = { ...options, builder };
  const landing = builder.newLanding();
  const exit = builder.graph.constant(0n);
  try {
    for (const value of trace.code.values) {
      if (value.op !== 'guard' || !value.early) continue;
      const values = new ValueLowering(context, arrival(builder), () => undefined);
      if (isConst(values.lower(value.args[0] as Value))) return false;
    }
    new BodyLowering(context, trace, { landing, exit }).lower(0, 0);
  } catch (error) {
    if (error instanceof NotCompiled) return false;
    throw error;
  }
  return true;
}

/** Where the packet's ends are before anything moved them, relative to its start. */
function arrival(builder: BlockBuilder): { data: bigint; meta: bigint; end: Value } {
  return { data: 0n, meta: 0n, end: builder.graph.length };
}

/** The walk over one tree. */
class TreeLowering {
  private readonly tree: TraceTree;
  private readonly options: LowerOptions;
  private readonly layout: TreeLayout;
  private readonly functionOf: ReadonlyMap<TreeNode | TreeTrace, number>;
  private readonly traces: TreeTrace[] = [];
  private readonly exits = new Map<SideExit, number>();
  private readonly omitted: TreeTrace[] = [];
  private readonly depths = new Map<TreeNode, number>();
  /** Where a packet ends that a trace of a function of its own does not take. */
  private readonly apartExits = new Map<TreeTrace, { readonly exit: SideExit; readonly depth: number }>();
  /** Of the function that is being made. */
  private builder: BlockBuilder;

  constructor(tree: TraceTree, options: LowerOptions) {
    this.tree = tree;
    this.options = options;
    this.builder = new BlockBuilder(options.program);
    this.layout = layOut(tree.root, options.weightOf);
    for (const trace of tree.traces()) if (options.weightOf(trace) === undefined) this.omitted.push(trace);
    this.functionOf = new Map([...this.layout.roots, ...this.layout.apart].map((part, i) => [part, i]));
  }

  /** Root first: its function is the packet loop's body, the other parts are called from it. */
  lower(): LoweredTree {
    this.depths.set(this.tree.root, 0);
    const [first, ...others] = this.layout.roots;
    const functions: [FunctionCode, ...FunctionCode[]] = [this.lowerFunction(first as TreeNode)];
    const hot = this.traces.length;
    for (const root of others) functions.push(this.lowerFunction(root));
    for (const trace of this.layout.apart) functions.push(this.lowerApart(trace));
    return { functions, traces: this.traces, exits: [...this.exits.keys()], omitted: this.omitted, hot };
  }

  /** One part of the tree as a function. */
  private lowerFunction(root: TreeNode): FunctionCode {
    return this.finishFunction((landing) => this.lowerNode(root, this.depths.get(root) as number, undefined, landing));
  }

  /** A trace as a function, called where its leaf is. */
  private lowerApart(trace: TreeTrace): FunctionCode {
    return this.finishFunction((landing) => {
      const { exit, depth } = this.apartExits.get(trace) as { exit: SideExit; depth: number };
      this.lowerBody(trace, { landing, exit: this.deeper(undefined, exit, depth) });
    });
  }

  /** A function that was checked and optimized; `lower` sends packets that nothing takes to the landing. */
  private finishFunction(lower: (landing: Landing) => void): FunctionCode {
    const builder = new BlockBuilder(this.options.program);
    this.builder = builder;
    const landing = builder.newLanding();
    lower(landing);
    const exit = builder.land(landing);
    if (exit !== undefined) builder.end({ kind: 'miss', exit });
    const code = builder.finish();
    checkFunction(code, 'card');
    const settings = this.options.verified ? verifiedPasses : anyPasses;
    return optimize(code, worldOfMachine(this.options.machine), { settings });
  }

  private get context(): BodyContext {
    return { ...this.options, builder: this.builder };
  }

  /** `carried`: word of the deepest exit so far on this path. */
  private lowerNode(node: TreeNode, depth: number, carried: Value | undefined, landing: Landing): void {
    const { builder } = this;
    const tests = node.tests.filter((test) => this.leadsOn(test));
    const traces = node.traces.filter((trace) => this.options.weightOf(trace) !== undefined);
    let deepest = carried;
    for (const [i, test] of tests.entries()) {
      const isLast = i === tests.length - 1 && traces.length === 0;
      const next = isLast ? landing : builder.newLanding();
      const before = deepest;
      builder.scoped(() => this.lowerTest(node, test, depth, before, next));
      if (isLast) return;
      deepest = builder.land(next);
      if (deepest === undefined) return;
    }
    for (const [i, trace] of traces.entries()) {
      const isLast = i === traces.length - 1;
      const next = isLast ? landing : builder.newLanding();
      const exit = this.deeper(deepest, node.exit, depth);
      const other = this.functionOf.get(trace);
      if (other === undefined) builder.scoped(() => this.lowerBody(trace, { landing: next, exit }));
      else {
        this.apartExits.set(trace, { exit: node.exit, depth });
        builder.scoped(() => this.callFunction(other, exit, next));
      }
      if (isLast) return;
      deepest = builder.land(next);
      if (deepest === undefined) return;
    }
    builder.jump(landing, this.deeper(deepest, node.exit, depth));
  }

  /** Does a test lead to any trace that is compiled? */
  private leadsOn(test: TestOf): boolean {
    return [test.holds, test.fails].some((next) => next !== undefined && this.layout.weights.has(next));
  }

  /** A test as a branch. Computing its condition may itself fail a check, which is a miss at this node. */
  private lowerTest(node: TreeNode, test: TestOf, depth: number, carried: Value | undefined, landing: Landing): void {
    const { builder } = this;
    const refused = { landing, value: this.deeper(carried, node.exit, depth) };
    const require = (condition: Value, expect: boolean): void => {
      if (isConst(condition)) return;
      const good = builder.newBlock();
      builder.branch(condition, expect ? good : refused, expect ? refused : good);
      builder.enter(good);
    };
    const values = new ValueLowering(this.context, arrival(builder), require);
    const condition = values.lower(test.source);
    const side = (next: TreeNode | undefined, exit: SideExit): Side => {
      if (next !== undefined && this.layout.weights.has(next)) return builder.newBlock();
      return { landing, value: this.deeper(carried, exit, depth + 1) };
    };
    const yes = side(test.holds, test.holdsExit);
    const no = side(test.fails, test.failsExit);
    builder.branch(condition, yes, no);
    for (const [block, next] of [[yes, test.holds] as const, [no, test.fails] as const]) {
      if (!('id' in block) || next === undefined) continue;
      builder.enter(block);
      const other = this.functionOf.get(next);
      if (other === undefined) builder.scoped(() => this.lowerNode(next, depth + 1, carried, landing));
      else {
        this.depths.set(next, depth + 1);
        this.callFunction(other, carried, landing);
      }
    }
  }

  /** The rest of the tree is another function's. */
  private callFunction(index: number, carried: Value | undefined, landing: Landing): void {
    const { builder } = this;
    const { graph } = builder;
    const detail: Detail = { kind: 'call', helper: ownFunction(index), name: '', pieces: [], visible: true };
    const answer = builder.pin('call', [], 0n, detail, mask32);
    const decided = builder.newBlock();
    const word = graph.and(graph.sub(answer, graph.constant(1n)), graph.constant(mask32));
    const exit = carried === undefined ? word : this.deeperOf(carried, word);
    builder.branch(graph.make('eq', answer, graph.constant(0n)), decided, { landing, value: exit });
    builder.enter(decided);
    builder.end({ kind: 'return', value: graph.constant(0n) });
  }

  /** A trace at its leaf, behind a look at its switch where there are some. */
  private lowerBody(trace: TreeTrace, refusal: Refusal): void {
    const { builder, options } = this;
    const { graph } = builder;
    const index = this.traces.length;
    this.traces.push(trace);
    if (options.switches !== undefined) {
      const byte = builder.loadAt(options.switches + index, 1);
      const on = builder.newBlock();
      const off = { landing: refusal.landing, value: refusal.exit };
      builder.branch(graph.make('eq', byte, graph.constant(0n)), off, on);
      builder.enter(on);
    }
    new BodyLowering(this.context, trace.trace, refusal).lower(
      options.numberOf(trace),
      options.counters + counterSize * index,
    );
  }

  /** The deeper one of two exits; of two as deep, the first. */
  private deeper(carried: Value | undefined, exit: SideExit, depth: number): Value {
    const { graph } = this.builder;
    const number = this.exits.get(exit) ?? this.exits.size;
    this.exits.set(exit, number);
    const own = graph.constant((BigInt(depth) << exitBits) | BigInt(number));
    if (carried === undefined) return own;
    return this.deeperOf(carried, own);
  }

  /** Of two exits' words that of the deeper one; of two as deep, the first. */
  private deeperOf(first: Value, second: Value): Value {
    const { graph } = this.builder;
    const depthOf = (word: Value): Value => graph.make('shr', word, graph.constant(exitBits));
    const isDeeper = graph.make('ult', depthOf(first), depthOf(second));
    if (isConst(isDeeper)) return isDeeper.imm === 0n ? first : second;
    return graph.effect('select', [isDeeper, second, first], 0n, undefined, first.ones | second.ones);
  }
}
