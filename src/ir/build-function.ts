/**
 * From bytecode to {@link FunctionCode}: blocks are translated in reverse postorder, so that all but the edges that go back are known when blocks
 * meet. Where paths bring different values for a live variable, a phi is made; at the head of a loop for each variable that the loop
 * writes. (A textbook would number variables first and rename afterwards; doing it at once lets every value be folded when it is made,
 * conditions that are already decided drop their branch, and what cannot be reached is never translated.)
 *
 * Guesses that only the end of a loop can confirm (a counter keeps its upper half zero, a pointer stays one) and the shape of the stack
 * are in a {@link StackPlan}. When one turns out wrong the translation starts again without it.
 */
import { InternalError } from '../base/index.js';
import { accessSize, type Insn, insnClass, isLddw, lddwImm, op } from '../isa/index.js';
import { type LoadedProgram, type Machine, stackSize } from '../vm/index.js';
import { combineLoads } from './combine-loads.js';
import { combineStores } from './combine-stores.js';
import { commonFacts, decide, type Fact, withFact } from './conditions.js';
import { buildFlow, type Flow, type FlowBlock, type FlowOptions, type Step, Unsupported, variableOf } from './flow.js';
import type { Block, End, FunctionCode } from './function.js';
import { liveVariables } from './liveness.js';
import { immediate, lowerAlu, lowerJump } from './lower-alu.js';
import { commonKnown } from './memory-state.js';
import { loopBodies, type Order, orderOf } from './order.js';
import { mergeKinds, type PointerKind } from './pointer-kind.js';
import { StackPlan } from './stack-plan.js';
import { mapOf, translateCall } from './translate-call.js';
import { translateAtomic, translateLoad, translateSignedLoad, translateStore } from './translate-memory.js';
import { copyState, type State, Translation, type Trust } from './translation.js';
import { isConst, mask32, mask64, type Value } from './value.js';

export interface BuildOptions extends FlowOptions {
  readonly trust: Trust;
  /** r1 and r2 come from outside (helper numbers {@link bareR1} and its successor of `env`) instead of the context. */
  readonly bare?: boolean;
}

/** `env` numbers of r1 and r2 of a bare program. */
export const bareR1 = 0x10001;
export const bareR2 = 0x10002;

const maxAttempts = 60;

/** Throws {@link Unsupported} for what is left to the interpreter. */
export function buildFunction(machine: Machine, program: LoadedProgram, options: BuildOptions): FunctionCode {
  const flow = buildFlow(program, options);
  const order = orderOf(flow.blocks.length, 0, (id) => flowSuccessors((flow.blocks[id] as FlowBlock).end));
  if (order.irreducible && options.trust === 'verified')
    return buildFunction(machine, program, { ...options, trust: 'checked' });
  const plan = new StackPlan(machine, flow, options.trust === 'checked');
  const live = liveVariables(flow, order);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    plan.changed = false;
    const code = new FunctionBuilder(machine, flow, order, live, plan, options).build();
    if (!plan.changed) return code;
  }
  throw new InternalError('ir', `${program.spec.name}: the translation does not settle`);
}

function flowSuccessors(end: FlowBlock['end']): readonly number[] {
  switch (end.kind) {
    case 'jump':
    case 'tail call':
      return [end.to];
    case 'return':
    case 'trap':
      return [];
    default:
      return [end.yes, end.no];
  }
}

interface PendingPhi {
  readonly phi: Value;
  readonly args: Value[];
  readonly block: number;
  readonly variable: number;
  readonly kind: PointerKind | undefined;
}

/** What an edge adds to its source's state. */
interface Edge {
  readonly facts: Fact | undefined;
  /** On this edge the one value is the other. */
  readonly replace: readonly [Value, Value] | undefined;
}

interface OpenBlock {
  readonly phis: Value[];
  pinned: Value[];
  end: End;
  readonly exit: State;
}

class FunctionBuilder {
  private readonly flow: Flow;
  private readonly order: Order;
  private readonly live: readonly Uint8Array[];
  private readonly plan: StackPlan;
  private readonly options: BuildOptions;
  private readonly t: Translation;
  private readonly done: (OpenBlock | undefined)[];
  private readonly edges = new Map<number, Edge>();
  private readonly pending: PendingPhi[] = [];
  private readonly bodies: Map<number, number[]>;

  constructor(
    machine: Machine,
    flow: Flow,
    order: Order,
    live: readonly Uint8Array[],
    plan: StackPlan,
    options: BuildOptions,
  ) {
    this.flow = flow;
    this.order = order;
    this.live = live;
    this.plan = plan;
    this.options = options;
    this.done = new Array<OpenBlock | undefined>(flow.blocks.length).fill(undefined);
    this.bodies = loopBodies(order);
    this.t = new Translation(machine, flow.program, plan, flow.variables, options.trust);
  }

  build(): FunctionCode {
    for (const id of this.order.rpo) this.translateBlock(this.flow.blocks[id] as FlowBlock);
    for (const pending of this.pending) this.fillPhi(pending);
    const blocks = this.done.map((open, id): Block | undefined =>
      open === undefined
        ? undefined
        : { id, preds: this.takenPreds(id), phis: open.phis, pinned: open.pinned, end: open.end },
    );
    return { program: this.flow.program, blocks, checked: this.options.trust === 'checked' };
  }

  private key(from: number, to: number): number {
    return from * this.flow.blocks.length + to;
  }

  private takenPreds(id: number): number[] {
    return (this.order.preds[id] ?? []).filter((pred) => this.edges.has(this.key(pred, id)));
  }

  private translateBlock(block: FlowBlock): void {
    const { t } = this;
    const phis: Value[] = [];
    const state = this.enter(block.id, phis);
    if (state === undefined) return;
    t.state = state;
    t.block = block.id;
    t.pinned = [];
    for (const step of block.steps) this.translateStep(block, step);
    const end = this.translateEnd(block);
    const pinned = t.trusted ? combineStores(t.graph, t.pinned) : t.pinned;
    this.done[block.id] = { phis, pinned, end, exit: t.state };
  }

  /** State at the head of a block; undefined: it cannot be reached. */
  private enter(id: number, phis: Value[]): State | undefined {
    if (id === 0) return this.initial();
    const preds = this.order.preds[id] ?? [];
    const known = preds.filter((pred) => this.done[pred] !== undefined && this.edges.has(this.key(pred, id)));
    const position = this.order.position;
    const goesBack = preds.some((pred) => (position[pred] as number) >= (position[id] as number));
    const [first] = known;
    if (first === undefined) return undefined;
    if (!goesBack && known.length === 1) return this.alongEdge(first, id);
    const states = known.map((pred) => this.alongEdge(pred, id));
    const merged = copyState(states[0] as State);
    for (const state of states.slice(1)) {
      merged.known = commonKnown(merged.known, state.known);
      merged.facts = commonFacts(merged.facts, state.facts);
      if (state.geometry !== merged.geometry) merged.geometry = this.t.newGeometry();
    }
    const { irreducible, rpo } = this.order;
    const body = goesBack ? ((irreducible ? undefined : this.bodies.get(id)) ?? rpo) : [];
    if (goesBack && irreducible) merged.facts = undefined;
    if (goesBack && this.changesMemory(body)) {
      merged.known = [];
      if (this.movesPacket(body)) merged.geometry = this.t.newGeometry();
    }
    const written = goesBack ? this.writtenIn(body) : new Set<number>();
    const count = Math.max(...states.map((state) => state.variables.length), ...[...written].map((v) => v + 1));
    for (let v = 0; v < count; v++) {
      if (v < this.flow.variables && (this.live[id] as Uint8Array)[v] !== 1) {
        merged.variables[v] = undefined;
        continue;
      }
      const values = states.map((state) => state.variables[v] ?? this.t.zero);
      const differ = values.some((value) => value !== values[0]);
      if (goesBack && (differ || written.has(v))) merged.variables[v] = this.loopPhi(id, v, values, phis);
      else merged.variables[v] = this.mergePhi(values, phis);
    }
    return merged;
  }

  private initial(): State {
    const { t, options } = this;
    const variables: (Value | undefined)[] = [];
    if (options.bare === true) {
      variables[1] = t.graph.environment(bareR1);
      variables[2] = t.graph.environment(bareR2);
    } else {
      variables[1] = t.graph.constant(BigInt(t.machine.ctx.start));
    }
    return { variables, known: [], facts: undefined, geometry: 0 };
  }

  private alongEdge(from: number, to: number): State {
    const exit = (this.done[from] as OpenBlock).exit;
    const edge = this.edges.get(this.key(from, to)) as Edge;
    const state = copyState(exit);
    state.facts = edge.facts;
    if (edge.replace !== undefined) {
      const [old, now] = edge.replace;
      for (let v = 0; v < state.variables.length; v++) if (state.variables[v] === old) state.variables[v] = now;
    }
    return state;
  }

  /** A phi of values that are all known. */
  private mergePhi(values: readonly Value[], phis: Value[]): Value {
    const { t } = this;
    const first = values[0] as Value;
    if (values.every((value) => value === first)) return first;
    // Packet pointers: what differs is the offset, and that folds better.
    if (values.every((value) => value.op === 'ptr')) {
      return t.graph.pointer(
        this.mergePhi(
          values.map((value) => value.args[0] as Value),
          phis,
        ),
      );
    }
    const ones = values.reduce((all, value) => all | value.ones, 0n);
    const phi = t.graph.effect('phi', values, 0n, undefined, ones);
    t.noteTargets(phi, values);
    if (t.trusted) {
      const kinds = values.filter((value) => !(isConst(value) && value.imm === 0n)).map((value) => t.kinds.of(value));
      t.kinds.note(
        phi,
        kinds.reduce((a, b) => mergeKinds(a, b)),
      );
    }
    phis.push(phi);
    return phi;
  }

  private loopPhi(block: number, variable: number, values: readonly Value[], phis: Value[]): Value {
    const { t, plan } = this;
    const entry = values[0] as Value;
    const narrow = values.every((value) => value.ones <= mask32) && !plan.isRefuted(`narrow ${block} ${variable}`);
    const kinds = values.map((value) => (t.trusted ? t.kinds.of(value) : undefined));
    const kind = plan.isRefuted(`pointer ${block} ${variable}`) ? undefined : kinds.reduce((a, b) => mergeKinds(a, b));
    for (const value of values) t.escape(value);
    const args: Value[] = [];
    const ones = narrow || (kind !== undefined && !isConst(entry)) ? mask32 : mask64;
    const phi = t.graph.effect('phi', args, 0n, undefined, ones);
    t.kinds.note(phi, kind);
    this.pending.push({ phi, args, block, variable, kind });
    phis.push(phi);
    return phi;
  }

  private fillPhi({ phi, args, block, variable, kind }: PendingPhi): void {
    const { t, plan } = this;
    for (const pred of this.takenPreds(block)) {
      const state = this.alongEdge(pred, block);
      const value = state.variables[variable] ?? t.zero;
      args.push(value);
      if (value === phi) continue;
      t.escape(value);
      const fits = (value.ones & ~phi.ones) === 0n;
      if (kind === undefined) {
        if (!fits) plan.refute(`narrow ${block} ${variable}`);
        continue;
      }
      const found = t.kinds.of(value);
      const same = found !== undefined && mergeKinds(found, kind) === kind;
      if (!same) plan.refute(`pointer ${block} ${variable}`);
      // A pointer has 32 bits, whatever its arithmetic looks like.
    }
  }

  /** Variables that a loop's blocks write, stack pieces among them. */
  private writtenIn(body: readonly number[]): Set<number> {
    const written = new Set<number>();
    for (const id of body) {
      const block = this.flow.blocks[id] as FlowBlock;
      for (const step of block.steps) {
        switch (step.kind) {
          case 'insn':
            for (const v of writtenBy(this.flow.program.insns[step.pc] as Insn, block.depth)) written.add(v);
            break;
          case 'enter':
            if (step.depth > 0) for (let r = 6; r < 10; r++) written.add(variableOf(r, step.depth));
            break;
          case 'loop begin':
            for (let i = 0; i < 3; i++) written.add(step.at + i);
            break;
          case 'loop next':
            written.add(step.at);
            break;
          default:
            for (let r = 0; r <= 5; r++) written.add(r);
        }
      }
      for (const piece of this.plan.storesOf(id)) written.add(this.t.pieceVariable(piece));
    }
    return written;
  }

  private changesMemory(body: readonly number[]): boolean {
    return body.some((id) =>
      (this.flow.blocks[id] as FlowBlock).steps.some((step) => {
        if (step.kind === 'enter') return true;
        if (step.kind !== 'insn') return false;
        const insn = this.flow.program.insns[step.pc] as Insn;
        const kind = insnClass(insn);
        return kind === op.ST || kind === op.STX || insn.code === op.CALL_OP;
      }),
    );
  }

  private movesPacket(body: readonly number[]): boolean {
    return body.some((id) =>
      (this.flow.blocks[id] as FlowBlock).steps.some((step) => {
        const insn = step.kind === 'insn' ? (this.flow.program.insns[step.pc] as Insn) : undefined;
        return insn?.code === op.CALL_OP && (insn.imm === 44 || insn.imm === 54 || insn.imm === 65);
      }),
    );
  }

  private register(block: FlowBlock, r: number): Value {
    if (r === 10) return this.t.graph.constant(BigInt(this.plan.frameEnd(block.depth)));
    return this.t.read(variableOf(r, block.depth));
  }

  private setRegister(block: FlowBlock, r: number, value: Value): void {
    this.t.write(variableOf(r, block.depth), value);
  }

  private translateStep(block: FlowBlock, step: Step): void {
    const { t } = this;
    switch (step.kind) {
      case 'insn':
        this.translateInsn(block, step.pc);
        return;
      case 'enter':
        this.enterFrame(step.depth);
        return;
      case 'loop begin':
        t.write(step.at, t.zero);
        t.write(step.at + 1, t.read(3));
        t.write(step.at + 2, t.graph.and(t.read(1), t.graph.constant(mask32)));
        return;
      case 'loop call':
        t.write(1, t.read(step.at));
        t.write(2, t.read(step.at + 1));
        for (let r = 3; r <= 5; r++) t.write(r, t.zero);
        return;
      case 'loop next':
        t.write(step.at, t.graph.make('add32', t.read(step.at), t.graph.constant(1n)));
        return;
      case 'loop end':
        t.write(0, step.failed ? t.graph.constant(-7n) : t.read(step.at));
        for (let r = 1; r <= 5; r++) t.write(r, t.zero);
        return;
    }
  }

  private enterFrame(depth: number): void {
    const { t, plan } = this;
    if (depth > 0) for (let r = 6; r < 10; r++) t.write(variableOf(r, depth), t.read(variableOf(r, depth - 1)));
    const end = plan.frameEnd(depth);
    for (const at of t.pieceAddresses()) if (plan.frameOf(BigInt(at)) === depth) t.write(t.pieceVariable(at), t.zero);
    const fill = (at: number, size: number): void => {
      const detail = { kind: 'memory', space: 'stack', size, map: -1, checked: false } as const;
      t.pin('fill', [t.graph.constant(BigInt(at))], 0n, detail);
    };
    if (plan.isWholeFrame(depth)) fill(end - stackSize, stackSize);
    else for (const word of plan.memoryWords(depth)) fill(word, 8);
    t.state.known = t.state.known.filter(({ place }) => place.space === 'packet');
  }

  private translateInsn(block: FlowBlock, pc: number): void {
    const { t } = this;
    const g = t.graph;
    g.origin = { program: this.flow.program.index, pc };
    const insn = this.flow.program.insns[pc] as Insn;
    const isRegister = (insn.code & op.X) !== 0;
    const size = accessSize(insn);
    const offset = g.constant(BigInt(insn.off));
    switch (insnClass(insn)) {
      case op.ALU:
      case op.ALU64: {
        const kind = insn.code & 0xf0;
        const b = isRegister && kind !== op.END ? this.register(block, insn.src) : immediate(g, insn);
        const a = this.register(block, insn.dst);
        const result = lowerAlu(g, insn, a, b);
        const moves = (kind === op.ADD || kind === op.SUB) && insnClass(insn) === op.ALU64 && isConst(b);
        if (kind !== op.MOV && !moves && !(isConst(a) && isConst(b))) {
          t.escape(a);
          t.escape(b);
        }
        this.setRegister(block, insn.dst, kind === op.OR || kind === op.ADD ? combineLoads(t, result) : result);
        return;
      }
      case op.LD:
        if (isLddw(insn)) this.setRegister(block, insn.dst, g.constant(lddwImm(this.flow.program.insns, pc)));
        return;
      case op.LDX: {
        const address = g.add(this.register(block, insn.src), offset);
        const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
        const value = isSigned ? translateSignedLoad(t, address, size) : translateLoad(t, address, size);
        this.setRegister(block, insn.dst, value);
        return;
      }
      case op.ST:
        translateStore(t, g.add(this.register(block, insn.dst), offset), size, immediate(g, insn));
        return;
      case op.STX:
        this.translateStx(block, insn, size);
        return;
      default:
        this.setRegister(block, 0, translateCall(t, insn.imm, pc));
        if (t.trusted) for (let r = 1; r <= 5; r++) t.write(r, t.zero);
    }
  }

  private translateStx(block: FlowBlock, insn: Insn, size: number): void {
    const { t } = this;
    const offset = t.graph.constant(BigInt(insn.off));
    const address = t.graph.add(this.register(block, insn.dst), offset);
    const value = this.register(block, insn.src);
    if ((insn.code & 0xe0) !== op.MODE_ATOMIC || insn.imm === op.ATOMIC_STORE_REL) {
      translateStore(t, address, size, value);
      return;
    }
    if (insn.imm === op.ATOMIC_LOAD_ACQ) {
      const from = t.graph.add(value, offset);
      this.setRegister(block, insn.dst, translateLoad(t, from, size));
      return;
    }
    const isExchange = insn.imm === op.ATOMIC_CMPXCHG;
    const operands = isExchange ? [value, this.register(block, 0)] : [value];
    const old = translateAtomic(t, address, size, insn.imm, operands);
    if (isExchange) this.setRegister(block, 0, old);
    else if ((insn.imm & op.ATOMIC_FETCH) !== 0) this.setRegister(block, insn.src, old);
  }

  private translateEnd(block: FlowBlock): End {
    const { t } = this;
    const { end } = block;
    switch (end.kind) {
      case 'jump':
        return this.jump(block.id, end.to);
      case 'return':
        return { kind: 'return', value: t.read(0) };
      case 'trap':
        return end;
      case 'branch': {
        const insn = this.flow.program.insns[end.pc] as Insn;
        t.graph.origin = { program: this.flow.program.index, pc: end.pc };
        const isRegister = (insn.code & op.X) !== 0;
        let x = this.register(block, insn.dst);
        let y = isRegister ? this.register(block, insn.src) : immediate(t.graph, insn);
        if (
          t.trusted &&
          t.kinds.of(x) !== undefined &&
          t.kinds.of(y) !== undefined &&
          (x.op !== 'ptr' || y.op !== 'ptr')
        ) {
          // Pointers have 32 bits.
          x = t.graph.and(x, t.graph.constant(mask32));
          y = t.graph.and(y, t.graph.constant(mask32));
        }
        const { value, negated } = lowerJump(t.graph, insn, x, y);
        return this.branch(block.id, value, negated ? end.no : end.yes, negated ? end.yes : end.no);
      }
      case 'loop check': {
        const tooMany = t.graph.make('ult', t.graph.constant(8n << 20n), t.read(end.at + 2));
        if (!isConst(t.read(4)) || t.read(4).imm !== 0n) throw new Unsupported('bpf_loop with flags', 0);
        return this.branch(block.id, tooMany, end.yes, end.no);
      }
      case 'loop test':
        return this.branch(block.id, t.graph.make('ult', t.read(end.at), t.read(end.at + 2)), end.yes, end.no);
      case 'loop stop':
        return this.branch(block.id, t.graph.make('eq', t.read(0), t.zero), end.no, end.yes);
      case 'tail call': {
        const map = mapOf(t, t.read(2));
        if (map?.layout()?.kind !== 'programs') throw new Unsupported('the map of a tail call is not known', end.pc);
        const slot = t.graph.and(t.read(3), t.graph.constant(mask32));
        if (t.trusted) for (let r = 1; r <= 5; r++) t.write(r, t.zero);
        this.take(block.id, end.to, undefined, undefined);
        return { kind: 'tail call', map: map.index, slot, to: end.to, pc: end.pc };
      }
    }
  }

  private jump(from: number, to: number): End {
    this.take(from, to, undefined, undefined);
    return { kind: 'jump', to };
  }

  private take(from: number, to: number, fact: readonly [Value, boolean] | undefined, replace: Edge['replace']): void {
    const { facts } = this.t.state;
    this.edges.set(this.key(from, to), {
      facts: fact === undefined ? facts : withFact(facts, fact[0], fact[1]),
      replace,
    });
  }

  private branch(from: number, condition: Value, yes: number, no: number): End {
    const { t } = this;
    // Null-check of an array's element: it is there if the index is in bounds.
    const [x, y] = condition.args;
    if (condition.op === 'eq' && x?.op === 'select' && y !== undefined && isConst(y) && y.imm === 0n) {
      const [inside, address] = x.args as [Value, Value];
      return this.decided(from, inside, no, yes, [x, address], [x, t.zero]);
    }
    return this.decided(from, condition, yes, no, undefined, undefined);
  }

  private decided(
    from: number,
    condition: Value,
    yes: number,
    no: number,
    replaceYes: Edge['replace'],
    replaceNo: Edge['replace'],
  ): End {
    const outcome = decide(this.t.state.facts, condition);
    if (outcome !== undefined) {
      const to = outcome ? yes : no;
      this.take(from, to, undefined, outcome ? replaceYes : replaceNo);
      return { kind: 'jump', to };
    }
    this.take(from, yes, [condition, true], replaceYes);
    this.take(from, no, [condition, false], replaceNo);
    return { kind: 'branch', condition, yes, no };
  }
}

function writtenBy(insn: Insn, depth: number): number[] {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
    case op.LDX:
    case op.LD:
      return [variableOf(insn.dst, depth)];
    case op.STX:
      return [variableOf(insn.src, depth), variableOf(insn.dst, depth), 0];
    case op.ST:
      return [];
    default:
      return [0, 1, 2, 3, 4, 5];
  }
}
