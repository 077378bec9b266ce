/**
 * Registers: graph colouring with conservative coalescing (Briggs, Cooper and Torczon, "Improvements to graph coloring
 * register allocation", 1994). Two registers that are alive at one time are neighbours; copies whose two registers
 * are none become one where that leaves the graph as easy to colour. What gets no colour goes to the frame, to a place
 * of 8 bytes that others use, too, when they are not alive at the same time; the code is then coloured again.
 *
 * r0 to r5 do not survive a call, r6 to r9 do. r10 takes no part.
 */
import { isCall, op } from '../isa/index.js';
import { stackSize } from '../platform/index.js';
import { backwards, liveAtEnds } from './liveness.js';
import {
  callClobbers,
  firstVirtual,
  isCopy,
  type MachineBlock,
  type MachineCode,
  type Operation,
  operation,
  renamed,
} from './machine-code.js';
import { BpfRefusal } from './refusal.js';

/** Registers that values can live in; the first that is free is taken, those that calls destroy first. */
const colours: readonly number[] = [1, 2, 3, 4, 5, 0, 6, 7, 8, 9];
const maxRounds = 60;

/** The code on r0 to r10. Throws {@link BpfRefusal} where the frame is too small for what has to be kept in it. */
export function allocateRegisters(code: MachineCode): MachineCode {
  let current = withoutDeadCode(code);
  const spilled = new Set<number>();
  const slots = new Slots(code.frame);
  for (let round = 0; round < maxRounds; round++) {
    const graph = new InterferenceGraph(current);
    graph.coalesce();
    const { colour, uncoloured } = graph.colour(spilled);
    if (uncoloured.length === 0) return coloured(current, colour, slots.bytes);
    current = spill(current, new Set(uncoloured.flatMap((node) => graph.membersOf(node))), graph, slots, spilled);
  }
  throw new BpfRefusal('registers do not come out');
}

/** Operations that nothing reads and that change nothing else. */
function withoutDeadCode(code: MachineCode): MachineCode {
  for (;;) {
    const ends = liveAtEnds(code);
    let changed = false;
    const blocks = code.blocks.map((block, i): MachineBlock => {
      const kept: Operation[] = [];
      backwards(block, new Set(ends[i]), (each, live) => {
        const isPure =
          (each.insn.code & 7) === op.ALU64 || (each.insn.code & 7) === op.ALU || (each.insn.code & 7) <= op.LDX;
        if (isPure && each.defs.length > 0 && each.defs.every((register) => !live.has(register))) changed = true;
        else kept.push(each);
      });
      return { ...block, operations: kept.reverse() };
    });
    if (!changed) return code;
    code = { ...code, blocks };
  }
}

/** Places in the frame below the function's own variables. */
class Slots {
  bytes: number;
  private readonly base: number;
  /**
   * By place: registers that are kept there, of one round of colouring: who was kept before is in no graph any more.
   */
  private readonly users: { readonly round: number; readonly registers: number[] }[] = [];

  constructor(frame: number) {
    this.base = Math.ceil(frame / 8) * 8;
    this.bytes = frame;
  }

  /** Offset from the frame pointer for a register; `clashes` tells what is alive at the same time. */
  take(register: number, round: number, clashes: (other: number) => boolean): number {
    let at = this.users.findIndex((users) => users.round === round && !users.registers.some(clashes));
    if (at < 0) at = this.users.push({ round, registers: [] }) - 1;
    this.users[at]?.registers.push(register);
    const offset = this.base + 8 * (at + 1);
    if (offset > stackSize) throw new BpfRefusal('more values than the frame has room for');
    this.bytes = Math.max(this.bytes, offset);
    return -offset;
  }
}

/** Which registers are alive at once. Copies that are united share a node; `find` follows them to it. */
class InterferenceGraph {
  private readonly neighbours = new Map<number, Set<number>>();
  private readonly parent = new Map<number, number>();
  private readonly members = new Map<number, number[]>();
  private readonly copies: { readonly a: number; readonly b: number; readonly weight: number }[] = [];
  private readonly cost = new Map<number, number>();

  constructor(code: MachineCode) {
    const ends = liveAtEnds(code);
    for (const r of colours) this.node(r);
    for (const [i, block] of code.blocks.entries()) {
      const weight = 10 ** Math.min(block.depth, 4);
      const count = (register: number): void => {
        this.node(register);
        this.cost.set(register, (this.cost.get(register) ?? 0) + weight);
      };
      if (block.end.kind === 'branch') block.end.test.uses.forEach(count);
      backwards(block, new Set(ends[i]), (each, live) => {
        each.uses.forEach(count);
        each.defs.forEach(count);
        const written = isCall(each.insn) ? callClobbers : each.defs;
        // A copy's two registers hold the same: they may be one although both live on.
        const source = isCopy(each) ? each.uses[0] : undefined;
        for (const register of written)
          for (const other of live) if (other !== register && other !== source) this.connect(register, other);
        const [to, from] = [each.defs[0], each.uses[0]];
        if (isCopy(each) && to !== undefined && from !== undefined && to !== 10 && from !== 10)
          this.copies.push({ a: to, b: from, weight });
      });
    }
    for (const r of colours) for (const other of colours) if (r !== other) this.connect(r, other);
  }

  /** The node that a register has become part of. */
  find(register: number): number {
    let at = register;
    for (let up = this.parent.get(at); up !== undefined; up = this.parent.get(at)) at = up;
    return at;
  }

  /** Registers that became one. */
  membersOf(node: number): readonly number[] {
    return this.members.get(node) ?? [node];
  }

  areNeighbours(a: number, b: number): boolean {
    return this.neighbours.get(this.find(a))?.has(this.find(b)) === true;
  }

  /** Makes one of the two registers of copies, the most often executed first. */
  coalesce(): void {
    const sorted = [...this.copies].sort((x, y) => y.weight - x.weight);
    for (let changed = true; changed; ) {
      changed = false;
      for (const { a, b } of sorted) {
        let [x, y] = [this.find(a), this.find(b)];
        if (x === y || this.neighbours.get(x)?.has(y) === true) continue;
        if (y < firstVirtual) [x, y] = [y, x];
        if (y < firstVirtual || !this.isSafe(x, y)) continue;
        this.unite(x, y);
        changed = true;
      }
    }
  }

  /** Does uniting leave the graph as easy to colour? (George's test with a machine register, else Briggs'.) */
  private isSafe(x: number, y: number): boolean {
    const [ofX, ofY] = [this.of(x), this.of(y)];
    if (x < firstVirtual)
      return [...ofY].every((other) => other < firstVirtual || ofX.has(other) || this.of(other).size < colours.length);
    let hard = 0;
    for (const other of new Set([...ofX, ...ofY])) {
      const both = ofX.has(other) && ofY.has(other);
      if (other < firstVirtual || this.of(other).size - (both ? 1 : 0) >= colours.length) hard++;
    }
    return hard < colours.length;
  }

  /** Makes two nodes one, with the neighbours and the cost of both. */
  private unite(x: number, y: number): void {
    this.parent.set(y, x);
    this.members.set(x, [...this.membersOf(x), ...this.membersOf(y)]);
    this.cost.set(x, (this.cost.get(x) ?? 0) + (this.cost.get(y) ?? 0));
    for (const other of this.of(y)) {
      this.neighbours.get(other)?.delete(y);
      this.connect(x, other);
    }
    this.neighbours.delete(y);
  }

  /** Colours by register; what found none is a candidate for the frame. */
  colour(spilled: ReadonlySet<number>): {
    readonly colour: ReadonlyMap<number, number>;
    readonly uncoloured: readonly number[];
  } {
    const degree = new Map<number, number>();
    for (const [node, others] of this.neighbours) if (node >= firstVirtual) degree.set(node, others.size);
    const stack: number[] = [];
    const taken = new Set<number>();
    while (degree.size > 0) {
      let pick = -1;
      let best = Number.POSITIVE_INFINITY;
      for (const [node, size] of degree) {
        if (size < colours.length) {
          pick = node;
          break;
        }
        const isTemporary = this.membersOf(node).some((member) => spilled.has(member));
        const price = isTemporary ? Number.MAX_VALUE : (this.cost.get(node) ?? 0) / size;
        if (price < best) {
          best = price;
          pick = node;
        }
      }
      degree.delete(pick);
      taken.add(pick);
      stack.push(pick);
      for (const other of this.of(pick)) {
        const size = degree.get(other);
        if (size !== undefined) degree.set(other, size - 1);
      }
    }
    const result = new Map<number, number>(colours.map((r) => [r, r]));
    const uncoloured: number[] = [];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      const used = new Set<number>();
      for (const other of this.of(node)) {
        const known = result.get(other);
        if (known !== undefined) used.add(known);
      }
      const free = colours.filter((r) => !used.has(r));
      const wanted = this.partnersOf(node).map((other) => result.get(this.find(other)));
      const choice = free.find((r) => wanted.includes(r)) ?? free[0];
      if (choice === undefined) uncoloured.push(node);
      else result.set(node, choice);
    }
    const all = new Map<number, number>();
    for (const [node, choice] of result) for (const member of this.membersOf(node)) all.set(member, choice);
    return { colour: all, uncoloured };
  }

  /** Registers that copies would like to be the same as this node's. */
  private partnersOf(node: number): number[] {
    return this.copies.flatMap(({ a, b }) => (this.find(a) === node ? [b] : this.find(b) === node ? [a] : []));
  }

  private of(node: number): Set<number> {
    return this.neighbours.get(node) ?? new Set();
  }

  private node(register: number): void {
    if (register !== 10 && !this.neighbours.has(register)) this.neighbours.set(register, new Set());
  }

  /** Notes that both are alive at once; r10 is nobody's to give away. */
  private connect(a: number, b: number): void {
    if (a === 10 || b === 10 || a === b) return;
    this.node(a);
    this.node(b);
    this.neighbours.get(a)?.add(b);
    this.neighbours.get(b)?.add(a);
  }
}

/** Keeps registers in the frame: read before each use, written after each change, by registers of a moment. */
function spill(
  code: MachineCode,
  registers: ReadonlySet<number>,
  graph: InterferenceGraph,
  slots: Slots,
  spilled: Set<number>,
): MachineCode {
  let next = code.registers;
  const places = new Map<number, number>();
  const byNode = new Map<number, number>();
  for (const register of registers) {
    const node = graph.find(register);
    let place = byNode.get(node);
    if (place === undefined) {
      place = slots.take(node, code.registers, (other) => graph.areNeighbours(node, other));
      byNode.set(node, place);
    }
    places.set(register, place);
  }
  const blocks = code.blocks.map((block): MachineBlock => {
    const operations: Operation[] = [];
    const around = (each: Operation): Operation => {
      const own = new Map<number, number>();
      const rename = (register: number): number => {
        if (!places.has(register)) return register;
        const known = own.get(register) ?? next++;
        own.set(register, known);
        spilled.add(known);
        return known;
      };
      const result = renamed(each, rename);
      for (const [register, temporary] of own)
        if (each.uses.includes(register))
          operations.push(
            operation(
              {
                code: op.LDX | op.MODE_MEM | op.SIZE_DW,
                dst: temporary,
                src: 10,
                off: places.get(register) ?? 0,
                imm: 0,
              },
              each.pc,
            ),
          );
      return result;
    };
    for (const each of block.operations) {
      const [to, from] = [each.defs[0] ?? -1, each.uses[0] ?? -1];
      // A copy between two values of one place does nothing.
      if (isCopy(each) && places.has(to) && places.get(to) === places.get(from)) continue;
      const result = around(each);
      operations.push(result);
      for (const [i, register] of each.defs.entries()) {
        const place = places.get(register);
        if (place === undefined) continue;
        operations.push(
          operation(
            { code: op.STX | op.MODE_MEM | op.SIZE_DW, dst: 10, src: result.defs[i] ?? 0, off: place, imm: 0 },
            each.pc,
          ),
        );
      }
    }
    const { end } = block;
    const closed = end.kind === 'branch' ? { ...end, test: around(end.test) } : end;
    return { ...block, operations, end: closed };
  });
  return { ...code, blocks, registers: next };
}

/** The code with colours for registers, without copies that do nothing. */
function coloured(code: MachineCode, colour: ReadonlyMap<number, number>, frame: number): MachineCode {
  const rename = (register: number): number => (register === 10 ? 10 : (colour.get(register) ?? 0));
  const blocks = code.blocks.map(
    (block): MachineBlock => ({
      ...block,
      operations: block.operations
        .map((each) => renamed(each, rename))
        .filter((each) => !(isCopy(each) && each.insn.dst === each.insn.src)),
      end: block.end.kind === 'branch' ? { ...block.end, test: renamed(block.end.test, rename) } : block.end,
    }),
  );
  return { ...code, blocks, frame };
}
