/**
 * Says of each access what it touches (packet, stack, which map), by following its address back. Packet pointers
 * become (packet, offset), so that a comparison with `data_end` is one of the packet's length; fields of the context
 * become values; data that no one can change becomes constants.
 */
import { loopBodies } from '../code/index.js';
import {
  branchEnd,
  constantData,
  type Detail,
  type End,
  type FunctionCode,
  hasAddress,
  mapOf,
  mask32,
  opTable,
  type Value,
  type World,
} from '../ir/index.js';
import { xdpMd } from '../platform/index.js';
import { callMovesPacket } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { PointerKinds } from './pointer-kind.js';
import { Rewriter } from './rewriter.js';

/**
 * The pass. What it says of accesses other passes rely on (aliasing, bounds, forwarding), so it comes early; it needs
 * code that was verified, since only there a pointer stays in its object.
 */
export function pointers(code: FunctionCode, { world, modes }: PassContext): FunctionCode {
  const kinds = new PointerKinds(code, world);
  const rewriter = new Rewriter(code, modes);
  const { graph } = rewriter;
  const moved = movedAtHead(code, rewriter);
  const exits: boolean[] = [];
  // Whether a helper may have moved the packet on some way here: then fields of the context are read anew.
  let isMoved = false;

  return rewriter.run({
    enter: (block) => {
      isMoved = moved.has(block) || rewriter.before(block).some((pred) => exits[pred] === true);
    },
    phi: (args) => {
      // What differs is the offset, and that folds better.
      if (!args.every((arg) => arg.op === 'ptr')) return undefined;
      const offsets = args.map((arg) => arg.args[0] as Value);
      const [first] = offsets;
      if (first !== undefined && offsets.every((offset) => offset === first)) return graph.pointer(first);
      const phi = graph.phi(offsets.reduce((all, { ones }) => all | ones, 0n));
      rewriter.addPhi(rewriter.block, { value: phi, args: offsets });
      return graph.pointer(phi);
    },
    pinned: (value, old) => {
      if (value.op === 'call') {
        if (callMovesPacket(value)) isMoved = true;
        return undefined;
      }
      if (!hasAddress(value)) return undefined;
      const field = value.op === 'load' ? contextField(value, isMoved) : undefined;
      if (field !== undefined) return field;
      const data = value.op === 'load' ? constantContent(world, value) : undefined;
      if (data !== undefined) return graph.constant(data);
      const kind = kinds.of(old.args[0] as Value);
      const { detail } = value;
      if (kind === undefined || (detail?.kind !== 'memory' && detail?.kind !== 'atomic')) return undefined;
      if (detail.space === kind.space && detail.map === kind.map) return undefined;
      // What the verifier said is exact where following the address is not.
      if (kind.space === 'other' || (detail.space === kind.space && kind.map < 0)) return undefined;
      const known: Detail = { ...detail, space: kind.space, map: kind.map };
      return rewriter.emit(graph.effect(value.op, value.args, value.imm, known, value.ones));
    },
    end: (end, block) => {
      const old = code.blocks[block]?.end;
      if (old?.kind === 'branch') return narrowed(end, old);
      if (end.kind !== 'tail call' || end.map >= 0) return end;
      const { kind, table, slot, to, pc } = end;
      return { kind, map: mapOf(world, table)?.index ?? -1, table, slot, to, pc };
    },
    leave: (pinned, block) => {
      exits[block] = isMoved;
      return pinned;
    },
  });

  /** Scalars of the context are values; so are packet pointers as long as no helper has moved the packet. */
  function contextField({ args, imm, detail }: Value, hasMoved: boolean): Value | undefined {
    if (args[0]?.op !== 'context' || detail?.kind !== 'memory' || detail.size !== 4) return undefined;
    const offset = Number(imm);
    if (offset < 0 || offset % 4 !== 0 || offset >= xdpMd.size) return undefined;
    if (offset > xdpMd.dataMeta) return graph.ctxField(offset);
    if (hasMoved) return undefined;
    const zero = graph.constant(0n);
    if (offset === xdpMd.data) return graph.pointer(zero);
    if (offset === xdpMd.dataEnd) return graph.pointer(graph.length);
    return graph.pointer(graph.sub(zero, graph.metaLength));
  }

  /** Pointers have 32 bits: comparing two of them needs no more. */
  function narrowed(end: End, old: End): End {
    if (end.kind !== 'branch' || old.kind !== 'branch') return end;
    const { op, args } = end.condition;
    const [x, y] = args;
    if (opTable[op].width !== 1 || x === undefined || y === undefined) return end;
    const pointersBoth = old.condition.args.every((arg) => kinds.of(arg) !== undefined);
    if (!pointersBoth || (x.op === 'ptr' && y.op === 'ptr') || (x.ones | y.ones) <= mask32) return end;
    const low = graph.constant(mask32);
    return branchEnd(graph.make(op, graph.and(x, low), graph.and(y, low)), end.yes, end.no);
  }
}

/** Heads of loops in which a helper moves the packet. */
function movedAtHead(code: FunctionCode, rewriter: Rewriter): ReadonlySet<number> {
  const moved = new Set<number>();
  for (const [head, body] of loopBodies(rewriter.order)) {
    const moves = body.some((id) =>
      code.blocks[id]?.pinned.some((value) => value.op === 'call' && callMovesPacket(value)),
    );
    if (moves) moved.add(head);
  }
  return moved;
}

/** A load from data that no program and no control plane can change. */
function constantContent(world: World, { args, imm, detail }: Value): bigint | undefined {
  const base = args[0] as Value;
  if (base.op !== 'data' || detail?.kind !== 'memory') return undefined;
  return constantData(world, Number(base.imm), Number(imm), detail.size);
}
