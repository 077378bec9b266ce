// biome-ignore-all lint/style/noNonNullAssertion: slots and words are in range by construction (card-code.ts); a cast
// on each operand would bury what the operation does.
/**
 * The software card: runs the compact form of traces on the machine's current packet. Slots are one array seen as
 * unsigned, signed and as 32-bit halves, so nothing is allocated for a packet.
 *
 * A failing check is not an error: the packet is not this trace's, the effects so far are undone by whoever opened the
 * transaction.
 */
import { InternalError } from '../../base/index.js';
import { headroom, stackSize } from '../../platform/index.js';
import { type Callbacks, type Machine, ProgramTrap, Registers } from '../../vm/index.js';
import { ProgArrayMap } from '../../vm/maps/index.js';
import { type CardOpcode, checkPureOpcodes } from './card-opcodes.js';

/** Body values live below this slot, shared values above. */
export const bodySlots: number = 1 << 15;

/** Callbacks were recorded in line; a helper that calls back here is a mistake. */
const noCallbacks: Callbacks = {
  call: () => {
    throw new InternalError('card', 'a helper called back');
  },
};

/** The opcodes have been looked at in this process. */
let isChecked = false;

/**
 * Runs one instruction list after another over one array of slots; it keeps nothing between packets that anybody
 * reads.
 */
export class CardExecutor {
  readonly machine: Machine;
  private slots: BigUint64Array = new BigUint64Array(bodySlots * 2);
  private signed: BigInt64Array = new BigInt64Array(this.slots.buffer);
  private halves: Uint32Array = new Uint32Array(this.slots.buffer);
  private bytes: Uint8Array = new Uint8Array(this.slots.buffer);
  private readonly registers = new Registers();
  /** Guest address where keys are put together: nothing else uses it. */
  private readonly key: number;
  private readonly packetStart: number;

  constructor(machine: Machine, key: number) {
    this.machine = machine;
    this.key = key;
    this.packetStart = machine.lane.packet.region.start + headroom;
    if (isChecked) return;
    isChecked = true;
    checkPureOpcodes((opcode, a, b) => {
      this.slots[0] = a;
      this.slots[1] = b;
      this.run(Int32Array.of(opcode, 2, 0, 1));
      return this.slots[2]!;
    });
  }

  /** Makes room for slots up to `count`. */
  reserve(count: number): void {
    if (count <= this.slots.length) return;
    const slots = new BigUint64Array(Math.max(count, this.slots.length * 2));
    slots.set(this.slots);
    this.slots = slots;
    this.signed = new BigInt64Array(slots.buffer);
    this.halves = new Uint32Array(slots.buffer);
    this.bytes = new Uint8Array(slots.buffer);
  }

  setSlot(slot: number, value: bigint): void {
    this.slots[slot] = value;
  }

  /** Low half of a slot. */
  low(slot: number): number {
    return this.halves[2 * slot]!;
  }

  /** Opens the stack frames that helpers may read; a trace knows their content and writes what is read. */
  openFrames(): void {
    for (const frame of this.machine.lane.frames) frame.openTop(stackSize);
  }

  closeFrames(): void {
    for (const frame of this.machine.lane.frames) frame.lo = frame.hi;
  }

  /** Runs a stretch of code; false if a guard or a check failed. */
  run(words: Int32Array): boolean {
    const { machine, packetStart } = this;
    const { memory } = machine;
    const { view } = memory;
    const v = this.slots;
    const s = this.signed;
    const u = this.halves;
    let at = 0;
    while (at < words.length) {
      const d = words[at + 1]!;
      const a = words[at + 2]!;
      const b = words[at + 3]!;
      const opcode = words[at] as CardOpcode;
      switch (opcode) {
        case 6: // add
          v[d] = v[a]! + v[b]!;
          at += 4;
          break;
        case 7: // sub
          v[d] = v[a]! - v[b]!;
          at += 4;
          break;
        case 8: // mul
          v[d] = v[a]! * v[b]!;
          at += 4;
          break;
        case 13: // and
          v[d] = v[a]! & v[b]!;
          at += 4;
          break;
        case 14: // or
          v[d] = v[a]! | v[b]!;
          at += 4;
          break;
        case 15: // xor
          v[d] = v[a]! ^ v[b]!;
          at += 4;
          break;
        case 9: // udiv
          v[d] = v[b] === 0n ? 0n : v[a]! / v[b]!;
          at += 4;
          break;
        case 10: // umod
          v[d] = v[b] === 0n ? v[a]! : v[a]! % v[b]!;
          at += 4;
          break;
        case 11: // sdiv
          s[d] = s[b] === 0n ? 0n : s[a]! / s[b]!;
          at += 4;
          break;
        case 12: // smod
          s[d] = s[b] === 0n ? s[a]! : s[a]! % s[b]!;
          at += 4;
          break;
        case 16: // shl
          v[d] = v[a]! << (v[b]! & 63n);
          at += 4;
          break;
        case 17: // shr
          v[d] = v[a]! >> (v[b]! & 63n);
          at += 4;
          break;
        case 18: // sar
          s[d] = s[a]! >> (s[b]! & 63n);
          at += 4;
          break;
        case 19: // add32
          u[2 * d] = u[2 * a]! + u[2 * b]!;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 20: // sub32
          u[2 * d] = u[2 * a]! - u[2 * b]!;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 21: // mul32
          u[2 * d] = Math.imul(u[2 * a]!, u[2 * b]!);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 22: // sdiv32
          u[2 * d] = u[2 * b] === 0 ? 0 : (u[2 * a]! | 0) / (u[2 * b]! | 0);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 23: // smod32
          u[2 * d] = u[2 * b] === 0 ? u[2 * a]! : (u[2 * a]! | 0) % (u[2 * b]! | 0);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 24: // shl32
          u[2 * d] = u[2 * a]! << (u[2 * b]! & 31);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 25: // sar32
          u[2 * d] = (u[2 * a]! | 0) >> (u[2 * b]! & 31);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 26: // sext8
          {
            const low = (u[2 * a]! << 24) >> 24;
            u[2 * d] = low;
            u[2 * d + 1] = low >> 31;
          }
          at += 4;
          break;
        case 27: // sext16
          {
            const low = (u[2 * a]! << 16) >> 16;
            u[2 * d] = low;
            u[2 * d + 1] = low >> 31;
          }
          at += 4;
          break;
        case 28: // sext32
          {
            const low = (u[2 * a]! << 0) >> 0;
            u[2 * d] = low;
            u[2 * d + 1] = low >> 31;
          }
          at += 4;
          break;
        case 29: // bswap16
          u[2 * d] = ((u[2 * a]! & 0xff) << 8) | ((u[2 * a]! >>> 8) & 0xff);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 30: // bswap32
          u[2 * d] = swap32(u[2 * a]!);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 31: // bswap64
          {
            const low = swap32(u[2 * a + 1]!);
            u[2 * d + 1] = swap32(u[2 * a]!);
            u[2 * d] = low;
          }
          at += 4;
          break;
        case 32: // eq
          u[2 * d] = u[2 * a] === u[2 * b] && u[2 * a + 1] === u[2 * b + 1] ? 1 : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 33: // ult
          u[2 * d] = u[2 * a + 1]! < u[2 * b + 1]! || (u[2 * a + 1] === u[2 * b + 1] && u[2 * a]! < u[2 * b]!) ? 1 : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 34: // ule
          u[2 * d] = u[2 * a + 1]! < u[2 * b + 1]! || (u[2 * a + 1] === u[2 * b + 1] && u[2 * a]! <= u[2 * b]!) ? 1 : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 35: // slt
          u[2 * d] =
            (u[2 * a + 1]! | 0) < (u[2 * b + 1]! | 0) || (u[2 * a + 1] === u[2 * b + 1] && u[2 * a]! < u[2 * b]!)
              ? 1
              : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 36: // sle
          u[2 * d] =
            (u[2 * a + 1]! | 0) < (u[2 * b + 1]! | 0) || (u[2 * a + 1] === u[2 * b + 1] && u[2 * a]! <= u[2 * b]!)
              ? 1
              : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;

        // Loads: slot `a` and offset `b`. Addresses that need no check fit in 32 bits.
        case 100: // load8
          u[2 * d] = view.getUint8(u[2 * a]! + b);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 101: // load16
          u[2 * d] = view.getUint16(u[2 * a]! + b, true);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 102: // load32
          u[2 * d] = view.getUint32(u[2 * a]! + b, true);
          u[2 * d + 1] = 0;
          at += 4;
          break;
        case 103: // load64
          {
            const address = u[2 * a]! + b;
            u[2 * d] = view.getUint32(address, true);
            u[2 * d + 1] = view.getUint32(address + 4, true);
          }
          at += 4;
          break;
        case 108: {
          // loadChecked
          const size = words[at + 4]!;
          const address = this.address(a, b);
          if (!memory.canRead(address, size)) return false;
          u[2 * d + 1] = 0;
          if (size === 1) u[2 * d] = view.getUint8(address);
          else if (size === 2) u[2 * d] = view.getUint16(address, true);
          else u[2 * d] = view.getUint32(address, true);
          if (size === 8) u[2 * d + 1] = view.getUint32(address + 4, true);
          at += 5;
          break;
        }

        // Stores: slot `d`, offset `a`, value in slot `b`.
        case 110: // store8
          memory.store8(u[2 * d]! + a, u[2 * b]!);
          at += 4;
          break;
        case 111: // store16
          memory.store16(u[2 * d]! + a, u[2 * b]!);
          at += 4;
          break;
        case 112: // store32
          memory.store32(u[2 * d]! + a, u[2 * b]!);
          at += 4;
          break;
        case 113: // store64
          memory.store64(u[2 * d]! + a, v[b]!);
          at += 4;
          break;
        case 118: {
          // storeChecked
          const size = words[at + 4]!;
          const address = this.address(d, a);
          if (!memory.canWrite(address, size)) return false;
          if (size === 1) memory.store8(address, u[2 * b]!);
          else if (size === 2) memory.store16(address, u[2 * b]!);
          else if (size === 4) memory.store32(address, u[2 * b]!);
          else memory.store64(address, v[b]!);
          at += 5;
          break;
        }

        case 120: // atomic
          if (!this.atomic(words, at)) return false;
          at += 9;
          break;
        case 121: {
          // lookup
          const count = b;
          let key = this.key;
          at += 4;
          for (let i = 0; i < count; i++, at += 2) {
            this.put(key, words[at]!, words[at + 1]!);
            key += words[at + 1]!;
          }
          u[2 * d] = machine.maps[a]!.lookup(this.key, machine.lane.cpu);
          u[2 * d + 1] = 0;
          break;
        }
        case 122: {
          // slot
          const map = machine.maps[a];
          u[2 * d] = map instanceof ProgArrayMap ? map.programAt(u[2 * b]!) : 0;
          u[2 * d + 1] = 0;
          at += 4;
          break;
        }
        case 123: // env
          machine.callHelper(a, this.registers, noCallbacks);
          v[d] = this.registers.u64[0]!;
          at += 3;
          break;
        case 124: {
          // call
          const r = this.registers.u64;
          for (let i = 1; i <= 5; i++) r[i] = v[words[at + 2 + i]!]!;
          const count = words[at + 8]!;
          at += 9;
          for (let i = 0; i < count; i++, at += 3) this.put(words[at]!, words[at + 1]!, words[at + 2]!);
          try {
            machine.callHelper(a, this.registers, noCallbacks);
          } catch (error) {
            if (error instanceof ProgramTrap) return false;
            throw error;
          }
          v[d] = r[0]!;
          break;
        }
        case 125: // guard
          if (u[2 * d] !== a) return false;
          at += 3;
          break;
        case 126: // len
          u[2 * d] = machine.lane.packet.dataEnd - machine.lane.packet.data;
          u[2 * d + 1] = 0;
          at += 2;
          break;
        case 127: // metalen
          u[2 * d] = machine.lane.packet.data - machine.lane.packet.dataMeta;
          u[2 * d + 1] = 0;
          at += 2;
          break;
        case 128: // ctx
          u[2 * d] = view.getUint32(machine.lane.ctx.start + a, true);
          u[2 * d + 1] = 0;
          at += 3;
          break;
        case 129: // ptr
          v[d] = v[a]! + BigInt(packetStart);
          at += 3;
          break;
        case 130: // select
          v[d] = v[u[2 * a] !== 0 ? b : words[at + 4]!]!;
          at += 5;
          break;
        default:
          throw new InternalError('card', `word ${opcode satisfies never} is no opcode`);
      }
    }
    return true;
  }

  /** Address of a checked access; -1 where it is no address. */
  private address(slot: number, offset: number): number {
    const low = this.halves[2 * slot]!;
    const high = this.halves[2 * slot + 1]!;
    if (high === 0) return low + offset;
    if (high === 0xffffffff && (low | 0) < 0) return (low | 0) + offset;
    return -1;
  }

  /** Copies the low `size` bytes of a slot to guest memory that only this trace sees. */
  private put(address: number, slot: number, size: number): void {
    const to = this.machine.memory.u8;
    const from = this.bytes;
    for (let i = 0; i < size; i++) to[address + i] = from[8 * slot + i]!;
  }

  /**
   * An atomic operation; false, a miss, where the access would fault. Atomics have to be aligned.
   */
  private atomic(words: Int32Array, at: number): boolean {
    const { memory } = this.machine;
    const d = words[at + 1]!;
    const size = words[at + 6]!;
    const kind = words[at + 7]!;
    const address = this.address(words[at + 2]!, words[at + 3]!);
    if (!memory.canWrite(address, size) || address % size !== 0) return false;
    const mask = size === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
    const old = size === 8 ? memory.load64(address) : BigInt(memory.load32(address));
    const operand = this.slots[words[at + 4]!]! & mask;
    let next: bigint;
    switch (kind & ~codesFetch) {
      case 0x00:
        next = (old + operand) & mask;
        break;
      case 0x40:
        next = old | operand;
        break;
      case 0x50:
        next = old & operand;
        break;
      case 0xa0:
        next = old ^ operand;
        break;
      case 0xe0:
        next = operand;
        break;
      default:
        next = old === (this.slots[words[at + 5]!]! & mask) ? operand : old;
        if (next === old) {
          this.slots[d] = old;
          return true;
        }
    }
    if (size === 8) memory.store64(address, next);
    else memory.store32(address, Number(next));
    this.slots[d] = old;
    return true;
  }
}

/** BPF_FETCH. */
const codesFetch = 0x01;

/** Reverses four bytes. */
function swap32(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}
