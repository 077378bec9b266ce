/**
 * The driver's part of a verification (nfp/bpf/verifier.c of Linux 6.1): what the cores can't do is refused at the
 * instruction that asks for it, in the driver's words. It sees each instruction once for each path, and remembers of
 * each what it was used for: one instruction is translated once, so paths have to agree.
 *
 * Why not look at the program once it is verified: the driver wants the state of registers on each path, and that is
 * gone afterwards. So it is a guest in Linux's walk, and may not assume an order of paths, nor that it sees all of
 * them: Linux leaves a path where an earlier one was as general.
 *
 * Invariants:
 * 1. What is noted of an instruction only grows towards refusal: a pointer that moves never stands still again.
 * 2. The kind of a pointer is noted after its checks, so a refusal tells what was there before.
 * 3. Uses of map words are noted at once and stay, also after a refusal (see `map-use.ts`).
 */
import { accessSize, type Insn, insnClass, isConditionalJump, isLddw, jumpTarget, op } from '../../isa/index.js';
import { helperId } from '../../platform/index.js';
import type {
  DeviceFunction,
  DeviceHooks,
  DeviceProgram,
  DeviceRefusal,
  DeviceView,
  RegState,
} from '../../verifier/index.js';
import { adjustHeadNoMeta, type Capabilities } from '../capabilities.js';
import type { MapUse, WordUse } from './map-use.js';
import { outputWarning, refusal } from './messages.js';
import { isSupportedOpcode } from './opcodes.js';
import { bitsText, regTypeNumber } from './reg-type.js';

/** What is known of an instruction from the paths that came to it (struct nfp_insn_meta). */
export interface InsnMeta {
  /** The pointer that it accessed memory through, by {@link regTypeNumber}; 0: none yet. */
  pointer: number;
  /** Offset of that pointer: constant and variable part. */
  offset: number;
  /** It is not the same on all paths. */
  moves: boolean;
  /** Helper that it calls; 0: none yet. */
  helper: number;
  /** Kind of pointer to the data of an event. */
  data: number;
  /** The amount of an adjust_head seen last. */
  amount: bigint;
  /** Where its key stands on the stack, and whether that differs. */
  key: number;
  keyMoves: boolean;
  /** Least and greatest second operand of a product or quotient, over all paths. */
  sourceMin: bigint;
  sourceMax: bigint;
  /** Linux took it out, or made a plain jump of it. */
  removed: boolean;
  hardWired: number | undefined;
}

const u32Max = 0xffff_ffffn;
const u64Max = 0xffff_ffff_ffff_ffffn;
/** BPF_F_CURRENT_CPU, and BPF_F_INDEX_MASK: all bits of it. */
const currentCpu = 0xffff_ffffn;

/**
 * TC_ACT_*. Up to `redirect` a classifier may return the three others only; what is above, such as -1 for unspecified,
 * is not bounded (nfp_bpf_check_exit).
 */
const tcActions = { shot: 2n, stolen: 4n, queued: 5n, redirect: 7n } as const;

/** Shortest frame without its header: what is surely left when as much is taken from the front. */
const sureBytes = 60n - 14n;

/** Bytes of a return address, of saved registers, and what frames are rounded up to. */
const frameCosts = { address: 4, saved: 32, align: 64 } as const;

/** What the driver knows of the program's kind, its card and its maps. */
export interface NfpVerifierOptions {
  readonly capabilities: Capabilities;
  /** Bytes of stack that the firmware gives a thread. */
  readonly stackSize: number;
  readonly isClassifier?: boolean;
  /** Use of the words of each map, by the index that the program has for it. */
  readonly uses: readonly (MapUse | undefined)[];
}

/** The hooks of one load. */
export class NfpVerifier implements DeviceHooks {
  readonly metas: readonly InsnMeta[];
  /** Slot of the only adjust_head by a constant that needs no checks; -1: there are others. */
  adjustHeadAt: number | undefined = undefined;
  /** An optimization of Linux that could not be followed: translation will fail. */
  optFailed = false;
  /** Bytes, known once it was finalized; as the next, -1 for none. */
  stackUsed = 0;
  maxPacketOffset = -1;
  private readonly insns: readonly Insn[];
  private readonly options: NfpVerifierOptions;

  constructor(insns: readonly Insn[], options: NfpVerifierOptions) {
    this.insns = insns;
    this.options = options;
    this.metas = insns.map(() => ({
      pointer: 0,
      offset: 0,
      moves: false,
      helper: 0,
      data: 0,
      amount: 0n,
      key: 0,
      keyMoves: false,
      sourceMin: u64Max,
      sourceMax: 0n,
      removed: false,
      hardWired: undefined,
    }));
  }

  /**
   * nfp_verify_insn. Opcodes come first, since nothing else is known to make sense for one that has no translation.
   * Stores of an immediate are not looked at, as in the driver.
   */
  insn(at: DeviceView, say: (line: string) => void): DeviceRefusal | undefined {
    const { insn } = at;
    const meta = this.metas[at.pc] as InsnMeta;
    if (!isSupportedOpcode(insn.code)) return refusal('insn-unsupported', { code: `0x${insn.code.toString(16)}` });
    if (insn.src > 10 || insn.dst > 10) return refusal('extended-registers');
    if (insn.code === op.CALL_OP && insn.src !== op.CALL_LOCAL) return this.helperCall(at, meta, say);
    if (insn.code === op.EXIT_OP) return this.exit(at);
    switch (insnClass(insn)) {
      case op.LDX:
        return this.pointer(at, meta, insn.src, 'load');
      case op.STX:
        if ((insn.code & 0xe0) === op.MODE_ATOMIC) return this.atomic(at, meta);
        return this.store(at, meta);
      case op.ALU:
      case op.ALU64:
        return checkAlu(at, meta);
      default:
        return undefined;
    }
  }

  /** The helper is noted last: until then `meta.helper` 0 means that no path called from here. */
  private helperCall(at: DeviceView, meta: InsnMeta, say: (line: string) => void): DeviceRefusal | undefined {
    const { imm, src } = at.insn;
    // Numbers of kernel functions are none of helpers.
    const refused = src === op.CALL_HELPER ? this.helper(at, meta, say) : refusal('helper-unsupported', { id: imm });
    if (refused !== undefined) return refused;
    meta.helper = imm;
    return undefined;
  }

  /** nfp_bpf_check_helper_call: whether the firmware has it, and whether arguments are where it looks for them. */
  private helper(at: DeviceView, meta: InsnMeta, say: (line: string) => void): DeviceRefusal | undefined {
    const { adjustHead, adjustTail, random } = this.options.capabilities;
    const { imm } = at.insn;
    switch (imm) {
      case helperId.xdp_adjust_head:
        if (adjustHead.offMax === 0) return refusal('adjust-head-firmware');
        if ((adjustHead.flags & adjustHeadNoMeta) === 0) return refusal('adjust-head-meta');
        this.recordAdjustHead(at, meta);
        return undefined;
      case helperId.xdp_adjust_tail:
        return adjustTail ? undefined : refusal('adjust-tail-firmware');
      case helperId.map_lookup_elem:
        return this.mapCall('map_lookup', at, meta);
      case helperId.map_update_elem:
        return this.mapCall('map_update', at, meta) ?? stackArg('map_update', at.peek(3)) ?? this.updateValue(at);
      case helperId.map_delete_elem:
        return this.mapCall('map_delete', at, meta);
      case helperId.get_prandom_u32:
        return random ? undefined : refusal('random');
      case helperId.perf_event_output:
        return this.eventOutput(at, meta, say);
      default:
        return refusal('helper-unsupported', { id: imm });
    }
  }

  /** Has the firmware the routine, and stands the key where it finds it? */
  private mapCall(helper: string, at: DeviceView, meta: InsnMeta): DeviceRefusal | undefined {
    if (!this.hasRoutine(at.insn.imm)) return refusal('helper-firmware', { helper });
    const key = at.peek(2);
    const refused = stackArg(helper, key);
    if (refused !== undefined) return refused;
    const off = offsetOf(key);
    if (meta.helper !== 0 && meta.key !== off) meta.keyMoves = true;
    meta.key = off;
    return undefined;
  }

  /** A routine at address 0 is none. */
  private hasRoutine(helper: number): boolean {
    return (this.options.capabilities.functions.get(helper) ?? 0) !== 0;
  }

  /**
   * Notes where the value may hold something other than zero, for who wants to add there atomically later; refuses
   * that where somebody already does (nfp_bpf_map_update_value_ok).
   */
  private updateValue(at: DeviceView): DeviceRefusal | undefined {
    const map = at.peek(1).map;
    const use = this.useOf(at, at.peek(1));
    const value = at.peek(3);
    if (map === undefined || use === undefined) return undefined;
    // The stack grows down from the frame pointer: byte b of slot s is at -8 s - 8 + b.
    const frame = at.state.frames[value.frame];
    const off = offsetOf(value);
    for (let i = 0; i < map.valueSize; i++) {
      const stackSlot = -(off + i) - 1;
      const slot = frame?.stack[stackSlot >> 3];
      const kind = slot?.byte((off + i) & 7);
      const isZero = kind === 3 || (kind === 1 && slot?.reg?.isZero === true);
      const word = use[i >> 2];
      if (isZero || word === undefined) continue;
      if (word.use === 'atomic') return refusal('update-non-zero', { at: i, slot: stackSlot });
      word.nonZero = true;
    }
    return undefined;
  }

  /**
   * Only the current CPU can be asked for: a core of the card is no CPU of the host, and the driver takes the one that
   * hears of the event. What is written goes over a queue, so the helper can't tell whether it got there: hence the
   * warning.
   */
  private eventOutput(at: DeviceView, meta: InsnMeta, say: (line: string) => void): DeviceRefusal | undefined {
    if (!this.hasRoutine(at.insn.imm)) return refusal('output-firmware');
    const flags = at.peek(3).range;
    if ((flags.mask & currentCpu) !== 0n || (flags.value & currentCpu) !== currentCpu)
      return refusal('output-cpu', { bits: bitsText(flags) });
    const data = at.peek(4);
    const type = regTypeNumber(data);
    const isKnown = ['scalar', 'fp', 'map_value', 'pkt'].includes(data.kind) && !data.nullable;
    if (!isKnown) return refusal('output-type', { type });
    if (data.kind === 'fp') {
      const refused = stackArg('event_output', data);
      if (refused !== undefined) return refused;
    }
    say(outputWarning);
    if (meta.helper !== 0 && meta.data !== type) return refusal('output-type-changed', { old: meta.data, type });
    meta.data = type;
    return undefined;
  }

  /** One call by one constant that the datapath guarantees needs no checks (nfp_record_adjust_head). */
  private recordAdjustHead(at: DeviceView, meta: InsnMeta): void {
    const { guaranteedAdd, guaranteedSub } = this.options.capabilities.adjustHead;
    const amount = at.peek(2);
    const imm = amount.constant === undefined ? undefined : BigInt.asIntN(32, amount.constant);
    const fits = imm !== undefined && imm <= sureBytes && imm <= BigInt(guaranteedAdd) && imm >= -BigInt(guaranteedSub);
    const isOnly =
      this.adjustHeadAt === undefined || (this.adjustHeadAt === at.pc && (meta.helper === 0 || meta.amount === imm));
    this.adjustHeadAt = fits && isOnly ? at.pc : -1;
    meta.amount = imm ?? 0n;
  }

  /** XDP programs may return anything; classifiers one of a few constants. */
  private exit(at: DeviceView): DeviceRefusal | undefined {
    if (this.options.isClassifier !== true) return undefined;
    const result = at.peek(0);
    const value = result.constant;
    const type = regTypeNumber(result);
    if (value === undefined) return refusal('exit-unknown', { type, bits: bitsText(result.range) });
    const { shot, stolen, queued, redirect } = tcActions;
    if (value > redirect || value === shot || value === stolen || value === queued) return undefined;
    return refusal('exit-value', { type, value: value.toString(16) });
  }

  /** Of the context only rx_queue_index can be written, and by XDP programs only (nfp_bpf_check_store). */
  private store(at: DeviceView, meta: InsnMeta): DeviceRefusal | undefined {
    const { insn } = at;
    if (at.peek(insn.dst).kind === 'ctx') {
      if (this.options.isClassifier === true || insn.off !== queueIndexAt) return refusal('context-store');
      if (!this.options.capabilities.queueSelect) return refusal('queue-select');
    }
    return this.pointer(at, meta, insn.dst, 'store');
  }

  /** Addition without fetching in values of maps: what the memory unit does by itself (nfp_bpf_check_atomic). */
  private atomic(at: DeviceView, meta: InsnMeta): DeviceRefusal | undefined {
    const { insn } = at;
    if (insn.imm !== op.ATOMIC_ADD) return refusal('atomic-operation', { imm: insn.imm });
    const place = at.peek(insn.dst);
    if (place.kind !== 'map_value' || place.nullable) return refusal('atomic-place', { type: regTypeNumber(place) });
    const operand = at.peek(insn.src);
    if (operand.kind !== 'scalar') return refusal('atomic-operand', { type: regTypeNumber(operand) });
    return this.pointer(at, meta, insn.dst, 'atomic');
  }

  /** The pointer of an access: one kind on all paths, and one that the cores have (nfp_bpf_check_ptr). */
  private pointer(
    at: DeviceView,
    meta: InsnMeta,
    register: number,
    access: 'load' | 'store' | 'atomic',
  ): DeviceRefusal | undefined {
    const reg = at.peek(register);
    const type = regTypeNumber(reg);
    const isKnown = ['ctx', 'fp', 'map_value', 'pkt'].includes(reg.kind) && !reg.nullable;
    if (!isKnown) return refusal('pointer-unsupported', { type });
    const refused =
      reg.kind === 'fp' ? checkStack(meta, reg) : reg.kind === 'map_value' ? this.mapValue(at, reg, access) : undefined;
    if (refused !== undefined) return refused;
    if (meta.pointer !== 0 && meta.pointer !== type)
      return refusal('pointer-changed', { old: meta.pointer, now: type });
    meta.pointer = type;
    meta.offset = offsetOf(reg);
    return undefined;
  }

  /**
   * Words of a value are either read or added to, in all programs (nfp_bpf_map_mark_used). Plain stores are
   * refused: only helpers and the memory unit's addition change a value. The place is constant, else it could not be
   * known which word it is.
   */
  private mapValue(at: DeviceView, reg: RegState, access: 'load' | 'store' | 'atomic'): DeviceRefusal | undefined {
    if (access === 'store') return refusal('map-write');
    if (!reg.range.isConst) return refusal('map-variable');
    const off = offsetOf(reg) + at.insn.off;
    const size = accessSize(at.insn);
    if (off + size > (reg.map?.valueSize ?? 0)) return refusal('map-outside');
    const use = this.useOf(at, reg);
    if (use === undefined) return undefined;
    const now: WordUse = access === 'load' ? 'read' : 'atomic';
    for (let i = 0; i < size; i += 4 - ((off + i) % 4)) {
      const word = use[(off + i) >> 2];
      if (word === undefined) continue;
      if (word.use !== 'unused' && word.use !== now)
        return refusal('map-use-conflict', { old: word.use, now, off: off + i });
      if (word.nonZero && now === 'atomic') return refusal('map-non-zero', { off: off + i });
      word.use = now;
    }
    return undefined;
  }

  private useOf({ maps }: DeviceView, { map }: RegState): MapUse | undefined {
    return map === undefined ? undefined : this.options.uses[maps.indexOf(map)];
  }

  /** All frames of the deepest chain of calls have to fit (nfp_bpf_finalize). */
  finalize({ functions, maxPacketOffset }: DeviceProgram): DeviceRefusal | undefined {
    this.maxPacketOffset = maxPacketOffset;
    this.stackUsed = stackUsage(this.insns, functions);
    const most = this.options.stackSize;
    return this.stackUsed > most ? refusal('stack-size', { size: this.stackUsed, most }) : undefined;
  }

  /**
   * Linux makes a jump of one that always goes one way (nfp_bpf_opt_replace_insn). Anything else that it may rewrite
   * is not followed. It does not ask whether it may: so failure is kept, and told when the program is translated.
   */
  replaceInsn(slot: number, by: Insn, say: (line: string) => void): void {
    if (this.optFailed) return;
    const insn = this.insns[slot] as Insn;
    const meta = this.metas[slot] as InsnMeta;
    if (!isConditionalJump(insn) || by.code !== op.JA_OP) {
      const hex = (code: number): string => code.toString(16);
      say(`[nfp] unsupported instruction replacement ${hex(insn.code)} -> ${hex(by.code)}`);
      this.optFailed = true;
      return;
    }
    const was = jumpTarget(insn, slot);
    const target = slot + 1 + by.off;
    if (by.off !== 0 && was !== target) {
      say(`[nfp] branch hard wire at ${slot} changes target ${was} -> ${target}`);
      this.optFailed = true;
      return;
    }
    meta.hardWired = target;
  }

  /**
   * `slot` is of the program as it was loaded, `count` of what is left of it. So those that went before are passed
   * over and not counted (nfp_bpf_opt_remove_insns).
   */
  removeInsns(slot: number, count: number): void {
    if (this.optFailed) return;
    let left = count;
    for (let pc = slot; left > 0 && pc < this.metas.length; pc++) {
      const meta = this.metas[pc] as InsnMeta;
      if (!meta.removed) left--;
      meta.removed = true;
    }
    if (left > 0) this.optFailed = true;
  }
}

/** Bytes: offset of rx_queue_index in struct xdp_md. */
const queueIndexAt = 16;

/** A key or value on the stack, at a constant place that is a multiple of 4 (nfp_bpf_stack_arg_ok). */
function stackArg(helper: string, reg: RegState): DeviceRefusal | undefined {
  if (reg.kind !== 'fp') return refusal('stack-arg-type', { helper, type: regTypeNumber(reg) });
  if (!reg.range.isConst) return refusal('stack-arg-variable', { helper });
  const off = offsetOf(reg);
  return off % 4 === 0 ? undefined : refusal('stack-arg-unaligned', { helper, off: -off });
}

/** Constant and variable part, for who has seen that the latter is constant. */
function offsetOf(reg: RegState): number {
  return reg.off + Number(BigInt.asIntN(64, reg.range.value));
}

/** One place for all paths, or places that differ by words (nfp_bpf_check_stack_access). */
function checkStack(meta: InsnMeta, reg: RegState): DeviceRefusal | undefined {
  if (!reg.range.isConst) return refusal('stack-variable');
  if (meta.pointer === 0) return undefined;
  const now = offsetOf(reg);
  if (meta.offset !== now) meta.moves = true;
  // Remainders as C has them: of negative numbers.
  if (!meta.moves || meta.offset % 4 === now % 4) return undefined;
  return refusal('stack-moved', { old: meta.offset, now });
}

/**
 * Products and quotients of 32 bits: the multiplier of a core has no more, and a quotient is a product with a
 * reciprocal that is known when the code is made. The source's bounds are over all paths, since a divisor that is
 * constant on each may differ between them.
 */
function checkAlu(at: DeviceView, meta: InsnMeta): DeviceRefusal | undefined {
  const { insn } = at;
  const operation = insn.code & 0xf0;
  if (operation !== op.MUL && operation !== op.DIV) return undefined;
  const isRegister = (insn.code & op.X) !== 0;
  const dst = at.peek(insn.dst).range;
  const src = at.peek(insn.src).range;
  if (src.umin < meta.sourceMin) meta.sourceMin = src.umin;
  if (src.umax > meta.sourceMax) meta.sourceMax = src.umax;
  if (operation === op.MUL) {
    if (dst.umax > u32Max) return refusal('multiplier');
    if (isRegister && src.umax > u32Max) return refusal('multiplicand');
    const extends64 = insnClass(insn) === op.ALU64 && !isRegister;
    return extends64 && insn.imm < 0 ? refusal('multiplicand-sign') : undefined;
  }
  if (dst.umax > u32Max) return refusal('dividend');
  if (isRegister && meta.sourceMin !== meta.sourceMax) return refusal('divisor-variable');
  if (isRegister && src.umax > u32Max) return refusal('divisor');
  return !isRegister && insn.imm < 0 ? refusal('divisor-sign') : undefined;
}

/**
 * Bytes of the deepest chain of frames (nfp_bpf_get_stack_usage). Linux bounds the same chain, but without return
 * addresses and saved registers: here they stand on the same stack. There is no recursion, so the walk ends.
 */
function stackUsage(insns: readonly Insn[], functions: readonly DeviceFunction[]): number {
  const known = new Map<number, number>();
  const depthFrom = (index: number): number => {
    const before = known.get(index);
    if (before !== undefined) return before;
    const { start, end, stackDepth } = functions[index] as DeviceFunction; // indexes are of functions
    const body = insns.slice(start, end);
    const saves = body.some(({ dst }) => dst >= 6 && dst <= 9);
    const extra = index === 0 ? 0 : frameCosts.address + (saves ? frameCosts.saved : 0);
    const frame = Math.ceil((stackDepth + extra) / frameCosts.align) * frameCosts.align;
    let below = 0;
    for (const [i, insn] of body.entries()) {
      if (insn.code !== op.CALL_OP || insn.src !== op.CALL_LOCAL) continue;
      if (i > 0 && isLddw(body[i - 1] as Insn)) continue;
      const target = start + i + 1 + insn.imm;
      below = Math.max(below, depthFrom(functions.findIndex((fn) => fn.start === target)));
    }
    known.set(index, frame + below);
    return frame + below;
  };
  return depthFrom(0);
}
