/**
 * What emitted programs share within a module: imports from JavaScript, functions made on demand (one look-up function
 * a map), addresses that are the machine's. Everything is made in the order in which it is first asked for, so the
 * same program gives the same module.
 */

import { InternalError } from '../base/index.js';
import type { Program } from '../ir/index.js';
import { maxFrames, maxTailCalls, stackSize } from '../platform/index.js';
import { type Machine, type MapLayout, ringLayout } from '../vm/index.js';
import type { CodeBuilder, ModuleBuilder } from '../wasm/index.js';
import { defineAdjustHead, defineAdjustMeta, defineAdjustTail } from './adjust-code.js';
import { defineHostCall, emitEpilogue, emitTargets } from './context-code.js';
import { type Demands, isMover, isRedirector } from './demands.js';
import type { Areas } from './exchange.js';
import { defineHashDelete, defineHashUpdate } from './hash-change-code.js';
import { defineHashLookup, fitsHashLookup } from './hash-code.js';
import { defineCsumDiff, definePrandom, defineRedirectMap } from './helper-code.js';
import { defineAnyLookup, defineArrayLookup, defineSlotLookup } from './inner-code.js';
import { defineCachedLookup, type KeyPattern, type LookupCache } from './lookup-cache.js';
import { defineRingClose, defineRingOutput, defineRingReserve, type RingLayout } from './ring-code.js';
import { defineTrieLookup } from './trie-code.js';

/** The shared function that updates or deletes elements of a hash map. */
export interface HashChangeCode {
  /** Function. */
  readonly index: number;
  readonly mayLeave: boolean;
}

/** A call whose map is an element of a map of maps. */
export interface NestedCall {
  /** Index. */
  readonly map: number;
  readonly depth: number;
  /** Local that holds the record's address. */
  readonly record: number;
  /** Pushes the index into the map (i32). */
  readonly pushSlot: () => void;
}

/** A place at which a program stops for good. */
export interface TrapPoint {
  /** Index. */
  readonly program: number;
  readonly pc: number;
  readonly what: string;
  readonly unsupported: boolean;
}

/** Names of the imports, module `jitnic`. */
export const imports = {
  memory: 'memory',
  /** (helper, program, pc, record): runs a helper in JavaScript on the exchanged registers. */
  call: 'call',
  /** (address, bytes + access flags, program, pc): returns if the access is allowed. */
  check: 'check',
  /** (index of a trap point, record): does not return. */
  trap: 'trap',
  /** Called when a program ends that no verifier has seen. */
  exit: 'exit',
} as const;

/** Added to the size of a checked access. */
export const accessFlags = { read: 0, write: 16, atomic: 48 } as const;

/** Loop iterations of a program that no verifier has seen. */
const fuel = 1n << 24n;

/** Functions of a module that programs share: made when the first of them asks. */
export class Services {
  readonly machine: Machine;
  readonly module: ModuleBuilder;
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /** Guest address where keys are put together for look-ups in JavaScript. */
  readonly keys: number;
  readonly trapPoints: TrapPoint[] = [];
  /** JavaScript is called for more than a trap. */
  callsHost = false;
  /** Records of ring buffers are reserved and closed in the module. */
  writesRings = false;
  readonly demands: Demands;
  /** No verifier has seen the programs. */
  readonly isChecked: boolean;
  /** Whoever calls a helper in JavaScript has written the context for it, if it needs one. */
  private readonly contextIsThere: boolean;
  /** Guest addresses of programs' counters, by program index: u64 each. */
  readonly counters: ReadonlyMap<number, number> | undefined;
  /** In front of look-ups. */
  private readonly cache: LookupCache | undefined;
  /** Index of the program that tail calls chose, plus 1; how many there were. */
  readonly tailTarget: number;
  private readonly tailCount: number;
  /** Where functions tail-call: bytes of stack that wait for the programs called, and what the last one returned. */
  private nested: { readonly waiting: number; readonly result: number } | undefined;
  private readonly fuel: number;
  private readonly call: number;
  private readonly check: number;
  private readonly trap: number;
  private readonly exit: number;
  private readonly shared = new Map<string, number>();
  /** Patterns of keys that have a cached look-up. */
  private patterns = 0;

  constructor(
    machine: Machine,
    module: ModuleBuilder,
    areas: Areas,
    of: {
      readonly demands: Demands;
      readonly isChecked: boolean;
      readonly contextIsThere?: boolean;
      readonly cache?: LookupCache;
      readonly counters?: ReadonlyMap<number, number> | undefined;
    },
  ) {
    this.demands = of.demands;
    this.isChecked = of.isChecked;
    this.contextIsThere = of.contextIsThere === true;
    this.cache = of.cache;
    this.counters = of.counters;
    this.machine = machine;
    this.module = module;
    this.exchange = areas.exchange;
    this.keys = areas.keys;
    module.importMemory('jitnic', imports.memory, 1, 0xffff, machine.memory.isShared);
    this.call = module.importFunction('jitnic', imports.call, ['i32', 'i32', 'i32', 'i32'], []);
    this.check = module.importFunction('jitnic', imports.check, ['i64', 'i32', 'i32', 'i32'], []);
    this.trap = module.importFunction('jitnic', imports.trap, ['i32', 'i32'], []);
    this.exit = module.importFunction('jitnic', imports.exit, ['i32'], []);
    this.tailTarget = module.global('i32', true, 0n);
    this.tailCount = module.global('i32', true, 0n);
    this.fuel = module.global('i64', true, 0n);
  }

  /** Function made by `define` when first asked for under this name. */
  function(name: string, define: (services: Services) => number): number {
    let index = this.shared.get(name);
    if (index === undefined) {
      index = define(this);
      this.shared.set(name, index);
    }
    return index;
  }

  /**
   * Look-up in hash map `map`: key words in (or the key's address), value address or 0 out. Undefined: JavaScript has
   * to do it.
   */
  lookup(map: number, inMemory: boolean): number | undefined {
    const layout = this.machine.maps[map]?.layout();
    if (!fitsHashLookup(this.machine.maps[map]?.spec.keySize ?? 0)) return undefined;
    const how = inMemory ? 'at' : 'of';
    switch (layout?.kind) {
      case 'hash':
        return this.function(`lookup ${how} ${map}`, () => defineHashLookup(this, map, layout, inMemory));
      case 'trie':
        return this.function(`lookup ${how} ${map}`, () => defineTrieLookup(this, map, layout, inMemory));
      case 'maps':
        return this.function(`lookup ${how} ${map}`, () => defineSlotLookup(this, map, layout, inMemory));
      case 'array':
        return inMemory ? this.function(`lookup at ${map}`, () => defineArrayLookup(this, map, layout)) : undefined;
      default:
        return undefined;
    }
  }

  /** The same with a cache in front: the words that vary in. Undefined: this map's look-ups have none. */
  cachedLookup(map: number, pattern: KeyPattern): number | undefined {
    const { cache } = this;
    const area = cache?.areas.get(map);
    const plain = this.lookup(map, false);
    if (cache === undefined || area === undefined || plain === undefined) return undefined;
    const { period } = cache;
    return this.function(`cached ${map} ${pattern.map((word) => word ?? '-').join(' ')}`, () => {
      const number = this.patterns++;
      return defineCachedLookup(this, map, plain, { pattern, number, period, area });
    });
  }

  /** Update of a hash map; `mayLeave`: it may answer that JavaScript has to do it. Undefined: it always has to. */
  hashUpdate(map: number, flags: number): HashChangeCode | undefined {
    return this.hashChange(map, `update ${map} ${flags}`, (layout) => defineHashUpdate(this, map, layout, flags));
  }

  /** Deletion from a hash map; as {@link hashUpdate}. */
  hashDelete(map: number): HashChangeCode | undefined {
    return this.hashChange(map, `delete ${map}`, (layout) => defineHashDelete(this, map, layout));
  }

  private hashChange(
    map: number,
    name: string,
    define: (layout: MapLayout & { readonly kind: 'hash' }) => number | undefined,
  ): HashChangeCode | undefined {
    // Threads take turns at changes, and only JavaScript has the lock.
    if (this.machine.memory.isShared) return undefined;
    const layout = this.machine.maps[map]?.layout();
    if (layout?.kind !== 'hash' || !fitsHashLookup(this.machine.maps[map]?.spec.keySize ?? 0)) return undefined;
    const index = this.function(name, () => define(layout) ?? -1);
    return index < 0 ? undefined : { index, mayLeave: layout.change?.kind === 'lru' };
  }

  /** (size, record) -> address: see ring-code.ts. All of these are undefined if JavaScript has to do it. */
  ringReserve(): number | undefined {
    const layout = this.ring();
    return layout && this.function('ring reserve', () => defineRingReserve(this, layout));
  }

  /** (record's data) -> nothing: hands a record over, or drops it with BPF_RINGBUF_DISCARD_BIT set. */
  ringClose(isDiscard: boolean): number | undefined {
    const layout = this.ring();
    const bit = isDiscard ? ringLayout.discardBit : 0;
    return layout && this.function(`ring close ${bit}`, () => defineRingClose(this, layout, bit));
  }

  /** bpf_ringbuf_output of `size` bytes, or of as many as an operand says: reserve, copy, submit. */
  ringOutput(size: number | undefined): number | undefined {
    const reserve = this.ringReserve();
    if (reserve === undefined) return undefined;
    return this.function(`ring output ${size}`, () => defineRingOutput(this, reserve, size));
  }

  /**
   * The one ring buffer. Of several, a record does not say to which it belongs, and what they hold after a batch not
   * in which order it came; threads would have to take turns; and what a trace does has to be undone.
   */
  private ring(): RingLayout | undefined {
    const { maps, memory } = this.machine;
    const [layout, ...others] = maps.map((map) => map.layout()).filter((found) => found?.kind === 'ring');
    if (layout === undefined || others.length > 0 || memory.isShared || this.contextIsThere) return undefined;
    this.writesRings = true;
    return layout;
  }

  /** Look-up in a map that came out of another: handle and key's address in, value address or 0 out. */
  lookupAny(): number | undefined {
    const index = this.function('lookup any', () => defineAnyLookup(this) ?? -1);
    return index < 0 ? undefined : index;
  }

  /** bpf_redirect_map for this map: notes the target in the packet's record. Undefined: JavaScript does it. */
  redirectMap(map: number): number | undefined {
    const layout = this.machine.maps[map]?.layout();
    if (layout?.kind !== 'redirect') return undefined;
    return this.function(`redirect ${map}`, () => defineRedirectMap(this, map, layout));
  }

  /** bpf_get_prandom_u32 on the generator in guest memory, so that all engines draw the same numbers. */
  prandom(): number {
    return this.function('prandom', definePrandom);
  }

  /** bpf_csum_diff where sizes are not known when code is made. */
  csumDiff(): number {
    return this.function('csum_diff', defineCsumDiff);
  }

  adjustHead(): number {
    return this.function('adjust_head', defineAdjustHead);
  }

  adjustMeta(): number {
    return this.function('adjust_meta', defineAdjustMeta);
  }

  adjustTail(): number {
    return this.function('adjust_tail', defineAdjustTail);
  }

  /** Operands: nothing; registers are in the exchange area. */
  emitCall(out: CodeBuilder, helper: number, program: Program, pc: number, record: number): void {
    this.callsHost = true;
    out.i32(helper).i32(program.index).i32(pc).getLocal(record).call(this.hostCall(helper));
  }

  /**
   * The function that calls a helper in JavaScript: checked programs keep the context in guest memory all the time.
   */
  private hostCall(helper: number): number {
    if (this.isChecked || this.contextIsThere) return this.call;
    const effect = isMover(helper) ? 'ends' : isRedirector(helper) ? 'redirect' : undefined;
    return this.function(`call ${effect}`, () => defineHostCall(this, this.call, effect));
  }

  /** Operand: the 64-bit address. */
  emitCheck(out: CodeBuilder, size: number, access: number, program: Program, pc: number): void {
    this.callsHost = true;
    out
      .i32(size + access)
      .i32(program.index)
      .i32(pc)
      .call(this.check);
  }

  /** `record`: local that holds the record's address. */
  emitTrap(out: CodeBuilder, point: TrapPoint, record: number): void {
    this.trapPoints.push(point);
    out
      .i32(this.trapPoints.length - 1)
      .getLocal(record)
      .call(this.trap)
      .op('unreachable');
  }

  /** Checked programs: asks the host whether a lock or socket is still held where the program ends. */
  emitExitCheck(out: CodeBuilder): void {
    out.i32(0).call(this.exit);
  }

  /** A packet begins: its allowance of rounds is whole. */
  emitResetFuel(out: CodeBuilder): void {
    out.i64(fuel).setGlobal(this.fuel);
  }

  /** Checked programs: a round of a loop costs one; the host stops the program when nothing is left. */
  emitFuel(out: CodeBuilder): void {
    out.getGlobal(this.fuel).i64(1n).op('i64.sub').setGlobal(this.fuel);
    out.getGlobal(this.fuel).op('i64.eqz').if().i32(1).call(this.exit).end();
  }

  /** A packet begins. To be emitted after the programs. */
  emitNoTailCalls(out: CodeBuilder): void {
    out.i32(0).setGlobal(this.tailCount).i32(0).setGlobal(this.tailTarget);
    if (this.nested !== undefined) out.i32(0).setGlobal(this.nested.waiting);
  }

  /**
   * A tail call in a function of call depth `depth`: pushes 1 when the program in the slot has run, 0 where the call
   * fails. Frames have the same addresses in all programs, so those of the callers are put aside meanwhile, behind the
   * frames that code uses ({@link Lane.frames} has room where functions tail-call); nothing can point to them
   * but their owners.
   */
  emitNested(out: CodeBuilder, at: NestedCall): void {
    const { machine } = this;
    const { waiting, result } = this.nestedState();
    const area = machine.lane.frames[maxFrames];
    if (area === undefined) throw new InternalError('jit', 'no room for the frames that wait');
    const r0 = out.addLocal('i64');
    const copyFrames = (isBack: boolean): void => {
      for (const [i, { hi }] of machine.lane.frames.slice(0, at.depth).entries()) {
        const pushArea = (): void => {
          out
            .getGlobal(waiting)
            .i32(area.start + i * stackSize)
            .op('i32.add');
        };
        if (!isBack) pushArea();
        out.i32(hi - stackSize);
        if (isBack) pushArea();
        out.i32(stackSize).memoryCopy();
      }
    };
    const move = (bytes: number): void => {
      out.getGlobal(waiting).i32(bytes).op('i32.add').setGlobal(waiting);
    };
    this.emitTailCall(out, at.map, at.pushSlot);
    out.if('i32');
    copyFrames(false);
    move(at.depth * stackSize);
    emitTargets(out, this, at.record, r0);
    emitEpilogue(out, this, at.record, this.demands);
    move(-at.depth * stackSize);
    copyFrames(true);
    out.getLocal(r0).setGlobal(result);
    out.i32(1).else().i32(0).end();
  }

  /** Pushes what the program that a nested tail call ran has returned. */
  emitNestedResult(out: CodeBuilder): void {
    out.getGlobal(this.nestedState().result);
  }

  /** Globals of nested tail calls: bytes of frames put aside, and the last result. */
  private nestedState(): { readonly waiting: number; readonly result: number } {
    this.nested ??= { waiting: this.module.global('i32', true, 0n), result: this.module.global('i64', true, 0n) };
    return this.nested;
  }

  /** Pushes 1 and notes the target if the slot's program exists and may still be called, else 0. */
  emitTailCall(out: CodeBuilder, map: number, pushSlot: () => void): void {
    const layout = this.machine.maps[map]?.layout();
    const entries = this.machine.maps[map]?.spec.maxEntries ?? 0;
    if (layout?.kind !== 'programs')
      throw new InternalError('jit', 'a tail call through another map than a PROG_ARRAY');
    const slot = out.addLocal('i32');
    pushSlot();
    out.setLocal(slot);
    out.block('i32');
    out.i32(0).getGlobal(this.tailCount).i32(maxTailCalls).op('i32.ge_u').brIf(0);
    out.getLocal(slot).i32(entries).op('i32.ge_u').brIf(0).op('drop');
    out.getLocal(slot).i32(2).op('i32.shl').memory('i32.load', layout.slots).setGlobal(this.tailTarget);
    out
      .getGlobal(this.tailCount)
      .getGlobal(this.tailTarget)
      .i32(0)
      .op('i32.ne')
      .op('i32.add')
      .setGlobal(this.tailCount);
    out.getGlobal(this.tailTarget).i32(0).op('i32.ne');
    out.end();
  }
}
