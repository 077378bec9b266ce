/** Statements that move the packet's ends, or reach into it at a place that is computed. */

import { op } from '../../isa/index.js';
import { ctxReg, sizes } from './conventions.js';
import type { Generator } from './generate.js';
import { scalar } from './type-state.js';

/** data + (x & mask) with its own check, as after a variable header length. */
export function variablePacketAccess(g: Generator): void {
  const { out, random, state } = g;
  const index = g.changeable();
  const mask = random.pick([7, 15, 31, 63]);
  const pointer = [1, 2, 3, 4, 5].find((r) => r !== index && !g.reserved.has(r) && state.get(r).kind !== 'packet');
  const end = [0, 1, 2, 3, 4, 5].find((r) => r !== index && r !== pointer && !g.reserved.has(r));
  if (pointer === undefined || end === undefined) return;
  const size = random.pick(sizes);
  out.emit(op.ALU64 | op.AND | op.K, index, 0, 0, mask);
  state.set(index, { kind: 'scalar', max: mask });
  out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, pointer, ctxReg, 0);
  out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, end, ctxReg, 4);
  out.emit(op.ALU64 | op.ADD | op.X, pointer, index);
  out.mov(index, pointer);
  out.addImm(index, size.bytes);
  const short = out.label();
  out.jump(op.JMP | op.JGT | op.X, short, index, end);
  if (random.chance(0.5)) {
    out.emit(op.LDX | op.MODE_MEM | size.code, end, pointer, 0);
  } else {
    out.emit(op.ST | op.MODE_MEM | size.code, pointer, 0, 0, g.immediate());
  }
  out.bind(short);
  for (const r of [pointer, end, index]) {
    out.movImm(r, 0);
    state.set(r, scalar);
  }
}

/** bpf_xdp_adjust_head or _tail; afterwards every packet pointer is void and the packet is checked anew. */
export function adjust(g: Generator): void {
  if (!g.canCall()) return;
  const { out, random, state } = g;
  const head = random.chance(0.5);
  out.mov(1, ctxReg);
  out.movImm(2, random.pick(head ? [-20, -14, -4, 4, 14, -256, 100] : [-4, -10, -20, 4, 16, 64, 4000, -1000]));
  out.callHelper(head ? 'xdp_adjust_head' : 'xdp_adjust_tail');
  state.clobber();
  state.set(0, scalar);
  state.dropPacketPointers();
  if (random.chance(0.5)) out.jump(op.JMP | op.JNE | op.K, g.fail, 0, 0, 0);
  g.packetCheck();
}

/** bpf_redirect to a small interface number; flags are wrong now and then. */
export function redirect(g: Generator): void {
  if (!g.canCall()) return;
  g.out.movImm(1, g.random.below(4));
  g.out.movImm(2, g.random.chance(0.8) ? 0 : 1);
  g.out.callHelper('redirect');
  g.state.clobber();
  g.state.set(0, scalar);
}
