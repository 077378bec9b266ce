/** Helpers: those that are compiled into the module, and the way to JavaScript for all others. */
import { InternalError } from '../base/index.js';
import { isConst, mask32, Unsupported, type Value } from '../ir/index.js';
import { countStep, helperId, nestedHelper } from '../platform/index.js';
import { record } from '../vm/index.js';
import { exchange, leftToHost } from './exchange.js';
import type { FunctionEmitter } from './function-emitter.js';
import { mapAt } from './place.js';

/** The helper number that means function `index` of the module itself: see {@link Frame}. */
export function ownFunction(index: number): number {
  return -1 - index;
}

/**
 * Code for a call: inline or a function of the module where there is one for this helper and these arguments, else
 * through JavaScript.
 */
export function emitCall(e: FunctionEmitter, value: Value): void {
  if (value.detail?.kind === 'call' && value.detail.helper < 0) {
    const callee = e.frame.callees?.[ownFunction(value.detail.helper)];
    if (callee === undefined) throw new InternalError('jit', 'a call of no function');
    e.out.getLocal(e.frame.record).call(callee);
    store(e, value, 'i32');
    return;
  }
  if (emitCount(e, value) || emitNestedStep(e, value)) return;
  if (value.op === 'lookup' ? emitLookup(e, value) : emitInline(e, value)) {
    store(e, value, 'i32');
    return;
  }
  const { out, frame } = e;
  const { detail } = value;
  const id = detail?.kind === 'call' ? detail.helper : helperId.map_lookup_elem;
  if (emitLeaving(e, value, id)) return;
  if (value.op === 'lookup') pushLookupRegisters(e, value);
  else for (const [i, arg] of value.args.entries()) setRegister(e, i + 1, () => e.push(arg, 'i64'));
  frame.services.emitCall(out, id, e.code.program, value.origin.pc, frame.record);
  if (!e.isUsed(value)) return;
  out.i32(frame.services.exchange + exchange.registers);
  if (e.represent(value) === 'i32') out.memory('i32.load');
  else out.memory('i64.load');
  out.setLocal(e.localOf(value));
}

/** Adds 1 to a counter of the program's, where they are kept. */
function emitCount(e: FunctionEmitter, { detail, args }: Value): boolean {
  if (detail?.kind !== 'call' || detail.helper !== countStep) return false;
  const base = e.frame.services.counters?.get(e.code.program.index);
  if (base === undefined) throw new InternalError('jit', 'there is nowhere to count');
  const at = base + 8 * Number(args[0]?.imm ?? 0n);
  e.out.i32(0).i32(0).memory('i64.load', at).i64(1n).op('i64.add').memory('i64.store', at);
  return true;
}

/** The steps of a tail call in a function. */
function emitNestedStep(e: FunctionEmitter, value: Value): boolean {
  const { detail, args, origin } = value;
  const id = detail?.kind === 'call' ? detail.helper : 0;
  const { out, frame } = e;
  if (id === nestedHelper.result) {
    frame.services.emitNestedResult(out);
    store(e, value, 'i64');
    return true;
  }
  const [table, slot, depth] = args;
  if (id !== nestedHelper.enter || slot === undefined || depth === undefined) return false;
  const map = mapAt(frame.machine, table)?.index;
  if (map === undefined) throw new Unsupported('the map of a tail call is not known', origin.pc);
  const pushSlot = (): void => e.push(slot, 'i32');
  frame.services.emitNested(out, { map, depth: Number(depth.imm), record: frame.record, pushSlot });
  store(e, value, 'i32');
  return true;
}

/** A function of the module that does what a helper does, but may answer that JavaScript has to. */
interface Leaving {
  readonly index: number;
  readonly mayLeave: boolean;
  readonly pushArguments: () => void;
}

/** False: JavaScript always. */
function emitLeaving(e: FunctionEmitter, value: Value, id: number): boolean {
  const site = e.code.checked ? undefined : (changeOf(e, value, id) ?? ringOf(e, value, id));
  if (site === undefined) return false;
  const { out, frame } = e;
  // Before the branch: what is computed for the registers is there on both ways.
  if (site.mayLeave) for (const [i, arg] of value.args.entries()) setRegister(e, i + 1, () => e.push(arg, 'i64'));
  site.pushArguments();
  out.call(site.index);
  if (site.mayLeave) {
    const result = e.temporary('result', 'i32');
    out.teeLocal(result).i32(leftToHost).op('i32.eq').if();
    frame.services.emitCall(out, id, e.code.program, value.origin.pc, frame.record);
    out
      .i32(frame.services.exchange + exchange.registers)
      .memory('i32.load')
      .setLocal(result)
      .end();
    out.getLocal(result);
  }
  store(e, value, 'i32');
  return true;
}

/** An update or deletion in a hash map. */
function changeOf(e: FunctionEmitter, value: Value, id: number): Leaving | undefined {
  const [handle, key, content, flags] = value.args;
  const isUpdate = id === helperId.map_update_elem;
  if ((!isUpdate && id !== helperId.map_delete_elem) || key === undefined) return undefined;
  const map = mapAt(e.frame.machine, handle)?.index;
  if (map === undefined) return undefined;
  if (isUpdate && (content === undefined || flags === undefined || !isConst(flags))) return undefined;
  const { services } = e.frame;
  const change = isUpdate ? services.hashUpdate(map, Number(flags?.imm)) : services.hashDelete(map);
  if (change === undefined) return undefined;
  const pushArguments = (): void => {
    e.push(key, 'i32');
    if (isUpdate && content !== undefined) e.push(content, 'i32');
  };
  return { ...change, pushArguments };
}

/** Something about a record of a ring buffer. */
function ringOf(e: FunctionEmitter, { args }: Value, id: number): Leaving | undefined {
  const { services, record: at } = e.frame;
  const isSmall = (size: Value | undefined): size is Value => size !== undefined && size.ones <= mask32;
  const [a, b, c, d] = args;
  let index: number | undefined;
  let parts: readonly Value[] = [];
  switch (id) {
    case helperId.ringbuf_output: // flags only say who is to be woken
      if (a === undefined || b === undefined || !isSmall(c)) return undefined;
      if (d === undefined || !isConst(d) || d.imm > 3n) return undefined;
      index = services.ringOutput(isConst(c) ? Number(c.imm) : undefined);
      parts = [b, c];
      break;
    case helperId.ringbuf_reserve:
      if (!isSmall(b) || c === undefined || !isConst(c) || c.imm !== 0n) return undefined;
      index = services.ringReserve();
      parts = [b];
      break;
    case helperId.ringbuf_submit:
    case helperId.ringbuf_discard:
      if (a === undefined) return undefined;
      index = services.ringClose(id === helperId.ringbuf_discard);
      parts = [a];
      break;
    default:
      return undefined;
  }
  if (index === undefined) return undefined;
  const isClose = id === helperId.ringbuf_submit || id === helperId.ringbuf_discard;
  const pushArguments = (): void => {
    for (const part of parts) e.push(part, 'i32');
    if (!isClose) e.out.getLocal(at);
  };
  return { index, mayLeave: true, pushArguments };
}

/** The result is on the stack. */
function store(e: FunctionEmitter, value: Value, as: 'i32' | 'i64'): void {
  if (!e.isUsed(value)) {
    e.out.op('drop');
    return;
  }
  const own = e.represent(value);
  if (own === 'i64' && as === 'i32') e.out.op('i64.extend_i32_s');
  if (own === 'i32' && as === 'i64') e.out.op('i32.wrap_i64');
  e.out.setLocal(e.localOf(value));
}

/** Puts an argument where helpers in JavaScript find it. */
function setRegister(e: FunctionEmitter, register: number, push: () => void): void {
  e.out.i32(e.frame.services.exchange + exchange.registers + 8 * register);
  push();
  e.out.memory('i64.store');
}

/** A look-up in the module, if the map's layout is known; false: it is a call. */
function emitLookup(e: FunctionEmitter, value: Value): boolean {
  const { detail } = value;
  if (detail?.kind !== 'lookup') return false;
  const { services } = e.frame;
  if (detail.pieces.length > 0) {
    const pattern = value.args.map((arg) => (isConst(arg) ? Number(BigInt.asIntN(32, arg.imm)) : undefined));
    const cached = services.cachedLookup(detail.map, pattern);
    if (cached !== undefined) {
      for (const [i, arg] of value.args.entries()) if (pattern[i] === undefined) e.push(arg, 'i32');
      e.out.call(cached);
      return true;
    }
  }
  const index = services.lookup(detail.map, detail.pieces.length === 0);
  if (index === undefined) return false;
  for (const arg of value.args) e.push(arg, 'i32');
  e.out.call(index);
  return true;
}

/** For a look-up in JavaScript: the key's pieces go to memory. */
function pushLookupRegisters(e: FunctionEmitter, value: Value): void {
  const { detail } = value;
  if (detail?.kind !== 'lookup') return;
  const { out } = e;
  const { keys } = e.frame.services;
  const map = e.frame.machine.maps[detail.map];
  setRegister(e, 1, () => out.i64(BigInt(map?.handle ?? 0)));
  for (const [i, piece] of detail.pieces.entries()) {
    for (let at = 0; at < piece.size; ) {
      const size = piece.size - at >= 4 ? 4 : piece.size - at >= 2 ? 2 : 1;
      out.i32(keys + piece.at + at);
      e.push(value.args[i] as Value, 'i32');
      if (at > 0) out.i32(8 * at).op('i32.shr_u');
      out.memory(size === 4 ? 'i32.store' : size === 2 ? 'i32.store16' : 'i32.store8');
      at += size;
    }
  }
  if (detail.pieces.length > 0) setRegister(e, 2, () => out.i64(BigInt(keys)));
  else {
    setRegister(e, 2, () => {
      e.push(value.args[0] as Value, 'i32');
      out.op('i64.extend_i32_u');
    });
  }
}

/** Pushes the result (i32, to be sign-extended) of a helper that the module has, and says whether it did. */
function emitInline(e: FunctionEmitter, value: Value): boolean {
  const { detail } = value;
  if (detail?.kind !== 'call' || e.code.checked) return false;
  const { out, frame } = e;
  const { services } = frame;
  const arg = (i: number): Value => value.args[i] as Value;
  switch (detail.helper) {
    case helperId.map_lookup_elem: {
      const index = services.lookupAny();
      if (index === undefined) return false;
      e.push(arg(0), 'i32');
      e.push(arg(1), 'i32');
      out.call(index);
      return true;
    }
    case helperId.get_prandom_u32:
      out.call(services.prandom());
      return true;
    case helperId.redirect: {
      // redirect: only without flags
      if (!isConst(arg(1)) || arg(1).imm !== 0n) return false;
      out.getLocal(frame.record).i32(1).memory('i32.store', record.redirect);
      out.getLocal(frame.record);
      e.push(arg(0), 'i32');
      out.memory('i32.store', record.redirect + 4).i32(4);
      return true;
    }
    case helperId.csum_diff:
      for (let i = 0; i < 5; i++) e.push(arg(i), 'i32');
      out.call(services.csumDiff());
      return true;
    case helperId.xdp_adjust_head:
    case helperId.xdp_adjust_meta:
    case helperId.xdp_adjust_tail:
      if (detail.helper === helperId.xdp_adjust_tail && e.code.program.spec.frags) return false;
      out.getLocal(frame.record);
      e.push(arg(1), 'i32');
      if (detail.helper === helperId.xdp_adjust_head) out.call(services.adjustHead());
      else out.call(detail.helper === helperId.xdp_adjust_meta ? services.adjustMeta() : services.adjustTail());
      return true;
    case helperId.redirect_map: {
      const map = mapAt(frame.machine, arg(0));
      if (map === undefined || !isConst(arg(2)) || arg(2).imm > 3n) return false;
      const index = services.redirectMap(map.index);
      if (index === undefined) return false;
      out.getLocal(frame.record);
      e.push(arg(1), 'i32');
      out.i32(Number(arg(2).imm)).call(index);
      return true;
    }
    case helperId.spin_lock: // where one program runs at a time, the verifier saw that it is released
      if (frame.machine.memory.isShared) {
        out.loop();
        e.push(arg(0), 'i32');
        out.i32(0).i32(1).atomic('i32.atomic.rmw.cmpxchg').brIf(0).end();
      }
      out.i32(0);
      return true;
    case helperId.spin_unlock:
      if (frame.machine.memory.isShared) {
        e.push(arg(0), 'i32');
        out.i32(0).atomic('i32.atomic.store');
      }
      out.i32(0);
      return true;
    default:
      return false;
  }
}
