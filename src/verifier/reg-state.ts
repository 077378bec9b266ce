/**
 * What is known of one register (or of a value spilled to the stack).
 *
 * A pointer is `base + off + range`: `off` is the sum of the constants added to it, `range` what variable amounts
 * came on top (the constant 0 if none). For a scalar `range` is the value itself.
 *
 * A RegState is written only by the function that makes it (a fresh one, or a `copy`), before it is stored in a frame;
 * after that it is a value that states share.
 */
import type { MapSpec } from '../object/index.js';
import type { KernelStruct } from '../platform/index.js';
import { constScalar, type Scalar, unknownScalar, zeroScalar } from './scalar.js';
import { Trail } from './trail.js';

/** What a register points to, as the kernel names it in its log. */
export type RegKind =
  /** Never written, or no longer readable. */
  | 'none'
  | 'scalar'
  | 'ctx'
  /** Address of a map itself. */
  | 'map_ptr'
  | 'map_value'
  | 'map_key'
  /** Into the stack of frame `frame`; offset 0 is the frame pointer. */
  | 'fp'
  | 'pkt_meta'
  | 'pkt'
  | 'pkt_end'
  | 'sock'
  | 'sock_common'
  | 'tcp_sock'
  | 'xdp_sock'
  /** Memory of `memSize` bytes that a helper handed out, or an argument of a global function. */
  | 'mem'
  /** Code address of subprogram `subprog`. */
  | 'func'
  /** Kernel object typed by the kernel's BTF. */
  | 'ptr';

/** `pktRange` of a packet pointer that a comparison showed to lie at, or past, data_end. */
export const atPacketEnd = -1;
/** `pktRange` of a packet pointer that a comparison showed to lie past data_end (BEYOND_PKT_END). */
export const beyondPacketEnd = -2;

/**
 * What is known of one register (struct bpf_reg_state). Fields that a kind has no use for stay at what they begin
 * with, so that states are compared field by field.
 */
export class RegState {
  kind: RegKind;
  range: Scalar;
  off = 0;
  /**
   * Non-zero ids are equal for values that are equal (scalars), that share their variable part (packet pointers) or
   * that came from the same look-up (nullable pointers).
   */
  id = 0;
  /** Not 0: a scalar that is `off` more than the others of its id, added up in so many bits. */
  addConst: 0 | 32 | 64 = 0;
  /** The reference that must be released; 0 where none is held. */
  refId = 0;
  nullable = false;
  /** `mem` that came from bpf_ringbuf_reserve. */
  ringbuf = false;
  /** `mem` that the program may only read. */
  readonly = false;
  /** Kernel object that may be gone: reading is allowed, passing it on is not. */
  untrusted = false;
  /**
   * Bytes from the pointer's variable base that are known to lie inside the packet; or atPacketEnd, beyondPacketEnd.
   */
  pktRange = 0;
  map: MapSpec | undefined = undefined;
  /** Tells inner maps that different look-ups returned from each other. */
  mapUid = 0;
  memSize = 0;
  /** `ptr`: what it points to, where that is known. */
  struct: KernelStruct | undefined = undefined;
  /** `mem`: the dynptr that bpf_dynptr_data gave it from; 0 for none. */
  dynptrId = 0;
  /** `mem`: a slice of the packet, which goes when the packet's ends move. */
  pktSlice = false;
  frame = 0;
  subprog = 0;
  /**
   * A number that was a pointer of kind `lostKind` until the call at this slot; -1 for none. Only explanations ask.
   */
  lostAt = -1;
  lostKind: RegKind = 'none';
  trail: Trail;

  constructor(kind: RegKind, range: Scalar, trail: Trail) {
    this.kind = kind;
    this.range = range;
    this.trail = trail;
  }

  /** Anything that was written and is no number. */
  get isPointer(): boolean {
    return this.kind !== 'scalar' && this.kind !== 'none';
  }

  /** A pointer that a change of the packet takes away, and that a comparison with its end gives a range. */
  get isPacket(): boolean {
    return this.kind === 'pkt' || this.kind === 'pkt_meta';
  }

  /** A pointer that is surely not null. */
  get isNonNull(): boolean {
    if (this.nullable || this.untrusted) return false;
    switch (this.kind) {
      case 'sock':
      case 'tcp_sock':
      case 'sock_common':
      case 'map_value':
      case 'map_key':
      case 'map_ptr':
      case 'mem':
      case 'ptr':
        return true;
      default:
        return false;
    }
  }

  /** The constant that this scalar is, unsigned; undefined if it is none. */
  get constant(): bigint | undefined {
    return this.kind === 'scalar' && this.range.isConst ? this.range.value : undefined;
  }

  /** The number 0, which is null wherever a pointer is allowed to be. */
  get isZero(): boolean {
    return this.kind === 'scalar' && this.range.isConst && this.range.value === 0n;
  }

  /** A copy that its maker may write to before it is stored; it shares trail and range. */
  copy(): RegState {
    const to = new RegState(this.kind, this.range, this.trail);
    to.off = this.off;
    to.id = this.id;
    to.addConst = this.addConst;
    to.refId = this.refId;
    to.nullable = this.nullable;
    to.ringbuf = this.ringbuf;
    to.readonly = this.readonly;
    to.untrusted = this.untrusted;
    to.pktRange = this.pktRange;
    to.map = this.map;
    to.mapUid = this.mapUid;
    to.memSize = this.memSize;
    to.struct = this.struct;
    to.dynptrId = this.dynptrId;
    to.pktSlice = this.pktSlice;
    to.frame = this.frame;
    to.subprog = this.subprog;
    to.lostAt = this.lostAt;
    to.lostKind = this.lostKind;
    return to;
  }

  /** The same fact on a trail of its own that leads here: what a move, spill, fill or checkpoint yields. */
  forked(): RegState {
    if (this.kind !== 'scalar') return this;
    const to = this.copy();
    to.trail = this.trail.fork();
    return to;
  }
}

const noTrail = new Trail();

/** An unreadable register. */
export const noReg: RegState = new RegState('none', zeroScalar, noTrail);

/** A number of which `range` is known, come from nowhere that a later need would have to be told of. */
export function scalarReg(range: Scalar, trail: Trail = new Trail()): RegState {
  return new RegState('scalar', range, trail);
}

/** Any number: what a helper answers, or what is loaded from memory that the verifier does not follow. */
export function unknownReg(): RegState {
  return new RegState('scalar', unknownScalar, new Trail());
}

/** What is left of a pointer that the call at slot `insn` took the meaning of. */
export function lostReg(pointer: RegState, insn: number): RegState {
  const reg = unknownReg();
  reg.lostAt = insn;
  reg.lostKind = pointer.kind;
  return reg;
}

/** A constant. */
export function constReg(value: bigint): RegState {
  return new RegState('scalar', constScalar(value), new Trail());
}

/** A pointer to the start of something. Pointers need no trail: they are always compared in full. */
export function pointerReg(kind: RegKind): RegState {
  return new RegState(kind, zeroScalar, noTrail);
}

/** Bits that a value may occupy: 32 for a value known to fit in 32. */
export function widthOf(reg: RegState): number {
  const { umax } = reg.range;
  return umax < 0x1_0000_0000n ? (umax < 0x1_0000n ? (umax < 0x100n ? 8 : 16) : 32) : 64;
}
