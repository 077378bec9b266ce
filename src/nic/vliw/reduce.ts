/**
 * hXDP's reductions: instructions that the core's extensions make superfluous. Each pass changes the blocks in place
 * and returns how many operations it took out, those counted whose results nobody reads any more. The order of passes
 * is compile.ts's business.
 */
import { idOf, kindOf, mayMeet, type Origins, offsetOf, origin } from '../../code/index.js';
import { insnClass, op } from '../../isa/index.js';
import { joinBlocks, liveAtStart, removeDead } from './flow.js';
import { isFrameAccess } from './lower.js';
import { type Block, isPlainMove, isSideExit, type Op, readsOf, writesOf } from './op.js';

/** What a pass works on. */
export interface Reducing {
  readonly blocks: Block[];
  readonly origins: Origins;
}

/** `r1 = 0` where r1 is 0 since the start, and zeros to a frame that is zero. */
export function dropZeroing({ blocks, origins }: Reducing): number {
  let removed = 0;
  for (const block of blocks) {
    const kept = block.ops.filter((each) => !(isWrite(each) && origins.writesZeroAgain(each.pc)));
    removed += block.ops.length - kept.length;
    block.ops.splice(0, block.ops.length, ...kept);
  }
  return removed + removeDead(blocks).length;
}

function isWrite({ kind }: Op): boolean {
  return kind === 'alu' || kind === 'store';
}

/**
 * Comparisons of packet pointers with the packet's end become guards, which take no lane. A pointer that was computed
 * for the comparison alone is not computed: the guard adds the constant itself.
 */
export function guardBounds({ blocks, origins }: Reducing): number {
  let removed = 0;
  for (const block of blocks) {
    for (const [at, each] of block.ops.entries()) {
      const base = origins.checkedPointer(each.pc);
      if (each.kind !== 'branch' || base < 0) continue;
      block.ops[at] = asGuard(block.ops, at, base, origins.addressAt(each.pc));
      removed++;
    }
  }
  joinBlocks(blocks, false);
  return removed + removeDead(blocks).length;
}

/** The comparison at `at`, of the pointer in register `base`, as a guard. */
function asGuard(ops: readonly Op[], at: number, base: number, pointer: number): Op {
  const each = ops[at] as Op;
  const guard = { ...each, kind: 'guard' as const, origin: pointer, reversed: base !== each.insn.dst };
  if (kindOf(pointer) === origin.packet) return { ...guard, base: -1, distance: offsetOf(pointer) };
  return foldDistance(ops, at, { ...guard, base, distance: 0 });
}

/** `r4 = r1; r4 += 20` before the guard: it reads r1 and adds 20 itself. */
function foldDistance(ops: readonly Op[], at: number, guard: Op): Op {
  let now = guard;
  for (let i = at - 1; i >= 0; i--) {
    const each = ops[i] as Op;
    if ((writesOf(each) & (1 << now.base)) === 0) continue;
    if (each.kind !== 'alu' || each.imm64 !== undefined) return now;
    const { insn } = each;
    const isAdd = insn.code === (op.ALU64 | op.ADD | op.K);
    const source = isPlainMove(each) && (insn.code & op.X) !== 0 ? insn.src : each.first;
    if (isAdd && each.first < 0 && each.firstImm === undefined) now = { ...now, distance: now.distance + insn.imm };
    else if ((isPlainMove(each) || isAdd) && source >= 0) {
      // The register that it came from must still hold what it held.
      if (ops.slice(i + 1, at).some((between) => (writesOf(between) & (1 << source)) !== 0)) return guard;
      return { ...now, base: source, distance: now.distance + (isAdd ? insn.imm : 0) };
    } else return guard;
  }
  // Additions without the copy before them: the register itself is what it was.
  return guard;
}

/** `r4 = r2; r4 += 42` is one operation, `r4 = r2 + 42`. */
export function fuseThreeOperands({ blocks }: Reducing): number {
  let removed = 0;
  const live = liveAtStart(blocks);
  for (const { ops } of blocks) {
    for (let at = 0; at < ops.length; at++) {
      const move = ops[at] as Op;
      if (!isCopy(move)) continue;
      const user = fusedUser(ops, at, live);
      if (user === undefined) continue;
      ops[user] = fused(move, ops[user] as Op);
      ops.splice(at, 1);
      at--;
      removed++;
    }
  }
  return removed + removeDead(blocks).length;
}

/** A copy of a register or constant: 64 bits, or 32 with the upper half zero. */
function isCopy(each: Op): boolean {
  const { insn } = each;
  return isPlainMove(each) || (each.kind === 'alu' && (insn.code & 0xf7) === (op.ALU | op.MOV) && insn.off === 0);
}

/** The first operation that touches the copy, if it is arithmetic on it that can read the original instead. */
function fusedUser(ops: readonly Op[], at: number, live: Uint16Array): number | undefined {
  const move = ops[at] as Op;
  const { dst, src, code } = move.insn;
  const isRegister = (code & op.X) !== 0;
  const copied = 1 << dst;
  for (let i = at + 1; i < ops.length; i++) {
    const each = ops[i] as Op;
    if (((readsOf(each) | writesOf(each)) & copied) !== 0) {
      const isMatch = each.kind === 'alu' && each.imm64 === undefined && each.insn.dst === dst && each.first < 0;
      if (!isMatch || each.firstImm !== undefined || (readsOf(each) & copied) === 0) return undefined;
      // A copy of 32 bits has lost its upper half, which 64-bit arithmetic would see.
      if (insnClass(move.insn) === op.ALU && insnClass(each.insn) === op.ALU64) return undefined;
      const isMove = (each.insn.code & 0xf0) === op.MOV;
      const readsBoth = (each.insn.code & op.X) !== 0 && each.insn.src === dst;
      return isMove || (readsBoth && !isRegister) ? undefined : i;
    }
    if (isRegister && (writesOf(each) & (1 << src)) !== 0) return undefined;
    if (each.target >= 0 && ((live[each.target] as number) & copied) !== 0) return undefined;
  }
  return undefined;
}

function fused(move: Op, user: Op): Op {
  const { insn } = move;
  const isRegister = (insn.code & op.X) !== 0;
  const readsBoth = (user.insn.code & op.X) !== 0 && user.insn.src === insn.dst && !isUnary(user);
  const own = readsBoth ? { ...user.insn, src: insn.src } : user.insn;
  return isRegister ? { ...user, insn: own, first: insn.src } : { ...user, insn: own, firstImm: insn.imm };
}

function isUnary({ insn }: Op): boolean {
  return (insn.code & 0xf0) === op.NEG || (insn.code & 0xf0) === op.END;
}

/** `r0 = 1; exit` is `exit 1`, also where a jump leads there. */
export function giveVerdicts({ blocks }: Reducing): number {
  let removed = 0;
  for (const { ops } of blocks) {
    const last = ops.at(-1);
    if (last?.kind !== 'exit' || last.verdict !== undefined) continue;
    const verdict = constantBefore(ops, ops.length - 1);
    if (verdict !== undefined) ops[ops.length - 1] = { ...last, verdict };
  }
  for (const block of blocks) {
    const last = block.ops.at(-1);
    const to = last?.kind === 'jump' ? last.target : block.next;
    const [only, ...others] = blocks[to]?.ops ?? [];
    if (only?.kind !== 'exit' || others.length > 0) continue;
    const end = last?.kind === 'jump' ? block.ops.length - 1 : block.ops.length;
    const verdict = only.verdict ?? constantBefore(block.ops, end);
    if (verdict === undefined) continue;
    block.ops.splice(end, 1, { ...only, verdict });
    block.next = -1;
    // An exit of its own where control just went on is one more; it is paid for by the row that it saves.
    if (last?.kind !== 'jump') removed--;
  }
  joinBlocks(blocks, false);
  return removed + removeDead(blocks).length;
}

/** The constant that r0 holds before `at`, by its last write in the block. */
function constantBefore(ops: readonly Op[], at: number): number | undefined {
  for (let i = at - 1; i >= 0; i--) {
    const each = ops[i] as Op;
    if ((writesOf(each) & 1) === 0) continue;
    return isCopy(each) && (each.insn.code & op.X) === 0 ? each.insn.imm : undefined;
  }
  return undefined;
}

/** A load whose value goes to one store only, of as many bytes. */
interface Moved {
  readonly load: number;
  readonly store: number;
  readonly size: number;
  /** Where from and where to, as origins. */
  readonly from: number;
  readonly to: number;
}

/** Six bytes that go from one place to another in two to six pieces go in one: a load and a store of six bytes. */
export function moveSixBytes({ blocks }: Reducing): number {
  let removed = 0;
  const live = liveAtStart(blocks);
  for (const block of blocks) {
    for (let six = findSix(block, live); six !== undefined; six = findSix(block, live)) {
      applySix(block.ops, six);
      removed += 2 * (six.pieces.length - 1);
    }
  }
  return removed + removeDead(blocks).length;
}

interface Six {
  readonly pieces: readonly Moved[];
  readonly register: number;
}

function findSix(block: Block, live: Uint16Array): Six | undefined {
  const moves = block.ops.flatMap((_, at): Moved[] => {
    const found = movedBy(block, at, live);
    return found === undefined ? [] : [found];
  });
  for (const start of moves) {
    const pieces = [start];
    let size = start.size;
    while (size < 6) {
      const next = moves.find(
        (each) => follows(start.from, each.from, size) && follows(start.to, each.to, size) && size + each.size <= 6,
      );
      if (next === undefined) break;
      pieces.push(next);
      size += next.size;
    }
    if (size !== 6 || pieces.length < 2) continue;
    const register = registerFor(block, pieces, live);
    if (register !== undefined) return { pieces, register };
  }
  return undefined;
}

/** Is `b` so many bytes behind `a`? */
function follows(a: number, b: number, distance: number): boolean {
  return kindOf(a) === kindOf(b) && idOf(a) === idOf(b) && offsetOf(b) - offsetOf(a) === distance;
}

/** The move that begins with the load at `at`. */
function movedBy({ ops, next }: Block, at: number, live: Uint16Array): Moved | undefined {
  const load = ops[at] as Op;
  const { insn, size } = load;
  if (load.kind !== 'load' || (insn.code & 0xe0) !== op.MODE_MEM || size > 4 || kindOf(load.origin) <= 1)
    return undefined;
  const value = 1 << insn.dst;
  let store = -1;
  for (let i = at + 1; i < ops.length; i++) {
    const each = ops[i] as Op;
    if (each.target >= 0 && ((live[each.target] as number) & value) !== 0) return undefined;
    if ((readsOf(each) & value) !== 0) {
      const isStore = each.kind === 'store' && insnClass(each.insn) === op.STX && each.insn.src === insn.dst;
      if (store >= 0 || !isStore || each.insn.dst === insn.dst || each.size !== size || kindOf(each.origin) <= 1)
        return undefined;
      store = i;
    }
    if ((writesOf(each) & value) !== 0) break;
    if (i === ops.length - 1 && next >= 0 && ((live[next] as number) & value) !== 0) return undefined;
  }
  if (store < 0) return undefined;
  return { load: at, store, size, from: load.origin, to: (ops[store] as Op).origin };
}

/**
 * A register that can hold the six bytes from the first load to the last store, if the loads may all be done at the
 * first one's place and the stores at the last one's.
 */
function registerFor({ ops }: Block, pieces: readonly Moved[], live: Uint16Array): number | undefined {
  const first = Math.min(...pieces.map(({ load }) => load));
  const last = Math.max(...pieces.map(({ store }) => store));
  const members = new Set(pieces.flatMap(({ load, store }) => [load, store]));
  for (const { load, store, size, from, to } of pieces) {
    for (let i = first; i <= last; i++) {
      const each = ops[i] as Op;
      if (i < load && i !== first && writesMemory(each) && conflicts(each, from, size)) return undefined;
      if (i <= store) continue;
      if (isSideExit(each) || each.kind === 'exit') return undefined;
      if (touchesMemory(each) && !members.has(i) && conflicts(each, to, size)) return undefined;
      if (each.kind === 'load' && members.has(i) && mayMeet(each.origin, each.size, to, size)) return undefined;
    }
  }
  const between = ops.slice(first, last + 1).filter((_, i) => !members.has(first + i));
  const busy = between.reduce((mask, each) => mask | readsOf(each) | writesOf(each) | (live[each.target] ?? 0), 0);
  return pieces.map(({ load }) => (ops[load] as Op).insn.dst).find((register) => (busy & (1 << register)) === 0);
}

function writesMemory({ kind }: Op): boolean {
  return kind === 'store' || kind === 'atomic' || kind === 'call';
}

function touchesMemory(each: Op): boolean {
  return writesMemory(each) || each.kind === 'load';
}

/** May an operation touch these bytes? A call may touch all that its effects do not rule out. */
function conflicts(each: Op, at: number, size: number): boolean {
  if (each.kind !== 'call') return mayMeet(each.origin, each.size, at, size);
  const kind = kindOf(at);
  const isPacket = kind === origin.packet || kind === origin.packetPlus;
  return !isPacket || each.effects?.packet !== false;
}

function applySix(ops: Op[], { pieces, register }: Six): void {
  const [lowest] = pieces as readonly [Moved, ...Moved[]];
  const first = Math.min(...pieces.map(({ load }) => load));
  const last = Math.max(...pieces.map(({ store }) => store));
  const load = ops[first] as Op;
  const store = ops[last] as Op;
  ops[first] = {
    ...load,
    size: 6,
    origin: lowest.from,
    insn: { ...load.insn, dst: register, off: load.insn.off + offsetOf(lowest.from) - offsetOf(load.origin) },
  };
  ops[last] = {
    ...store,
    size: 6,
    origin: lowest.to,
    insn: { ...store.insn, src: register, off: store.insn.off + offsetOf(lowest.to) - offsetOf(store.origin) },
  };
  const gone = new Set(
    pieces.flatMap((piece) => [piece.load, piece.store]).filter((at) => at !== first && at !== last),
  );
  const kept = ops.filter((_, at) => !gone.has(at));
  ops.splice(0, ops.length, ...kept);
}

/** Of a memory operation: may a call read or write what it touches? */
export function callMeets(call: Op, access: Op): boolean {
  const { effects } = call;
  if (effects === undefined) return true;
  const kind = kindOf(access.origin);
  if (kind === origin.context) return effects.moves;
  if (kind === origin.packet || kind === origin.packetPlus) return effects.packet;
  // Keys and values on the stack are read; what a call does not write may be read across it.
  if (isFrameAccess(access) && access.kind === 'load' && kind !== origin.any) return effects.writesFrame;
  return true;
}
