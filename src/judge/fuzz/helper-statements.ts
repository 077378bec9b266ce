/**
 * Statements that are a helper call with what it needs before and allows after: rows of a table, so that a helper is
 * added by adding a row.
 */
import { op } from '../../isa/index.js';
import type { HelperName } from '../../platform/index.js';
import { callbackMemory, ctxReg, fp, sizes, stackBytes } from './conventions.js';
import type { Generator } from './generate.js';
import { putKey, withValue } from './map-statements.js';
import { fuzzMap, fuzzMaps, stringCount, stringStride } from './maps.js';
import { accumulate } from './scalar-statements.js';
import { scalar, TypeState } from './type-state.js';

/** A row of the table. */
export interface HelperStatement {
  /** How often, relative to the others. */
  readonly weight: number;
  /** Where it may stand; default wherever a helper can be called. */
  readonly when?: (g: Generator) => boolean;
  readonly emit: (g: Generator) => void;
}

const canCall = (g: Generator): boolean => g.canCall();
const hasContext = (g: Generator): boolean => g.canCall() && g.state.get(ctxReg).kind === 'ctx';
/** Not in a loop or a nested block: what holds afterwards would not hold on every path. */
const mayMovePacket = (g: Generator): boolean => hasContext(g) && g.mayMove && g.depth === 0 && g.loopDepth === 0;

/** All rows; weights are relative to each other. */
export const helperStatements: readonly HelperStatement[] = [
  { weight: 1, when: canCall, emit: ringbufOutput },
  { weight: 1, when: canCall, emit: ringbufReserve },
  { weight: 0.3, when: canCall, emit: ringbufQuery },
  { weight: 0.5, when: hasContext, emit: perfEventOutput },
  { weight: 1, when: hasContext, emit: (g) => moveBytes(g, 'xdp_load_bytes') },
  { weight: 1, when: hasContext, emit: (g) => moveBytes(g, 'xdp_store_bytes') },
  { weight: 0.5, when: hasContext, emit: getBuffLen },
  { weight: 0.5, when: hasContext, emit: checkMtu },
  { weight: 1, when: mayMovePacket, emit: adjustMeta },
  { weight: 1, when: hasContext, emit: metadataAccess },
  { weight: 0.7, when: canCall, emit: strncmp },
  { weight: 0.7, when: canCall, emit: redirectMap },
  { weight: 0.7, when: canCall, emit: lookupPercpu },
  { weight: 0.7, when: canCall, emit: innerMap },
  { weight: 0.7, when: canCall, emit: bloomFilter },
  {
    weight: 0.7,
    when: (g) => canCall(g) && !g.inSubprogram && g.loopDepth === 0 && g.pending.length < 3,
    emit: forEachElement,
  },
  { weight: 0.7, when: (g) => hasContext(g) && g.isFirst && !g.inSubprogram && g.loopDepth === 0, emit: tailCall },
];

/** A helper was called: r0 is a number, r1 to r5 are gone. */
function called(g: Generator, name: HelperName): void {
  g.out.callHelper(name);
  g.state.clobber();
  g.state.set(0, scalar);
}

/** A distance below r10 from which `size` bytes are initialised, or undefined. */
function readableStack(g: Generator, size: number): number | undefined {
  const found: number[] = [];
  for (let at = 8; at <= stackBytes; at += 8) if (at >= size && g.state.stackReadable(at, size)) found.push(at);
  return found.length === 0 ? undefined : g.random.pick(found);
}

function loadContext(g: Generator, reg = 1): void {
  g.out.mov(reg, ctxReg);
}

/** Flags: 1 and 2 are BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP, 8 is none and refused. */
function ringbufOutput(g: Generator): void {
  const size = g.random.pick([1, 4, 8, 15, 24, 40]);
  const at = readableStack(g, size);
  if (at === undefined) return;
  g.out.loadMap(1, fuzzMap('ringbuf'));
  g.pointToStack(2, at);
  g.out.movImm(3, size);
  g.out.movImm(4, g.random.pick([0, 1, 2, 3, 8]));
  called(g, 'ringbuf_output');
}

/** A record is all written before it is submitted: what it held before is the kernel's business. */
function ringbufReserve(g: Generator): void {
  const { out, random, state } = g;
  const words = 1 + random.below(5);
  out.loadMap(1, fuzzMap('ringbuf'));
  out.movImm(2, words * 8);
  out.movImm(3, 0);
  out.callHelper('ringbuf_reserve');
  state.clobber();
  const full = out.label();
  out.jump(op.JMP | op.JEQ | op.K, full, 0, 0, 0);
  const numbers = state.withKind('scalar');
  for (let word = 0; word < words; word++) {
    if (numbers.length > 0 && random.chance(0.7)) {
      out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, 0, random.pick(numbers), word * 8);
    } else out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, 0, 0, word * 8, g.immediate());
  }
  const size = random.pick(sizes);
  out.emit(op.ST | op.MODE_MEM | size.code, 0, 0, random.below((words * 8) / size.bytes) * size.bytes, g.immediate());
  out.mov(1, 0);
  out.movImm(2, random.below(3));
  out.callHelper(random.chance(0.8) ? 'ringbuf_submit' : 'ringbuf_discard');
  out.bind(full);
  out.movImm(0, words);
  state.clobber();
  state.set(0, scalar);
}

/** Queries 0 to 3 are defined (available data, size, consumer and producer position); others give 0. */
function ringbufQuery(g: Generator): void {
  g.out.loadMap(1, fuzzMap('ringbuf'));
  g.out.movImm(2, g.random.below(6));
  called(g, 'ringbuf_query');
}

/** Nobody listens, so it is the order of the checks that is compared. */
function perfEventOutput(g: Generator): void {
  const { out, random } = g;
  const at = readableStack(g, 16);
  if (at === undefined) return;
  loadContext(g);
  out.loadMap(2, fuzzMap('events'));
  const index = random.pick([0xffff_ffffn, 0n, 1n, 9n]);
  out.load64(
    3,
    index | (BigInt(random.pick([0, 0, 14, 64, 4000, 0xfffff])) << 32n) | (random.chance(0.1) ? 1n << 60n : 0n),
  );
  g.pointToStack(4, at);
  out.movImm(5, random.pick([1, 8, 16]));
  called(g, 'perf_event_output');
}

/** An offset into the packet: often within it, sometimes any number. */
function putOffset(g: Generator, reg: number): void {
  const { out, random } = g;
  if (random.chance(0.4)) {
    out.movImm(reg, random.pick([0, 1, 10, 14, 50, 60, 1490, 3510, 3520, 4090, 8000, -1, 0xffff]));
    return;
  }
  out.mov(reg, random.pick(g.scalars()));
  if (random.chance(0.9)) out.emit(op.ALU64 | op.AND | op.K, reg, 0, 0, random.pick([15, 63, 127, 4095, 65535]));
}

/** Bytes of the packet to the stack, or the other way. */
function moveBytes(g: Generator, helper: 'xdp_load_bytes' | 'xdp_store_bytes'): void {
  const size = g.random.pick([1, 2, 4, 6, 8, 16]);
  const at = readableStack(g, size);
  if (at === undefined) return;
  putOffset(g, 2);
  loadContext(g);
  g.pointToStack(3, at);
  g.out.movImm(4, size);
  called(g, helper);
  if (helper === 'xdp_load_bytes') g.state.writeStack(at, size);
}

function getBuffLen(g: Generator): void {
  loadContext(g);
  called(g, 'xdp_get_buff_len');
}

/** Lengths and differences far off as well as fitting ones; flag 1 is BPF_MTU_CHK_SEGS, which XDP may not ask for. */
function checkMtu(g: Generator): void {
  const { out, random, state } = g;
  const at = 8 * (1 + random.below(stackBytes / 8));
  out.emit(op.ST | op.MODE_MEM | op.SIZE_W, fp, 0, -at, random.pick([0, 0, 100, 1500, 65536, 70000]));
  state.writeStack(at, 4);
  loadContext(g);
  // Loopback is the only interface that every network namespace has.
  out.movImm(2, random.pick([0, 1, 1, 0x7ffffff0]));
  g.pointToStack(3, at);
  out.movImm(4, random.pick([0, 20, -20, 60000, -70000]));
  out.movImm(5, random.pick([0, 0, 0, 1, 2]));
  called(g, 'check_mtu');
  state.writeStack(at, 4);
}

/** Linux wants metadata in words of 4 bytes and not too many of them: some of these are refused. */
function adjustMeta(g: Generator): void {
  loadContext(g);
  g.out.movImm(2, g.random.pick([-4, -8, -12, -32, -256, 4, 8, 0, -3]));
  called(g, 'xdp_adjust_meta');
  g.state.dropPacketPointers();
  g.packetCheck();
}

/** data_meta + n <= data: the metadata may be read and written. */
function metadataAccess(g: Generator): void {
  const { out, random, state } = g;
  const free = [1, 2, 3, 4, 5].filter((r) => !g.reserved.has(r) && state.get(r).kind !== 'packet');
  const [meta, data, end] = free;
  if (meta === undefined || data === undefined || end === undefined) return;
  const size = random.pick(sizes);
  const off = random.below(3) * size.bytes;
  out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, meta, ctxReg, 8);
  out.emit(op.LDX | op.MODE_MEM | op.SIZE_W, data, ctxReg, 0);
  out.mov(end, meta);
  out.addImm(end, off + size.bytes);
  const none = out.label();
  out.jump(op.JMP | op.JGT | op.X, none, end, data);
  if (random.chance(0.5)) out.emit(op.ST | op.MODE_MEM | size.code, meta, 0, off, g.immediate());
  else {
    out.emit(op.LDX | op.MODE_MEM | size.code, end, meta, off);
    accumulate(g, end, data);
  }
  out.bind(none);
  for (const reg of [meta, data, end]) {
    out.movImm(reg, 0);
    state.set(reg, scalar);
  }
}

function strncmp(g: Generator): void {
  const { out, random } = g;
  const size = random.pick([1, 3, 4, 8]);
  const at = readableStack(g, size);
  if (at === undefined) return;
  if (random.chance(0.5)) {
    const text = random.pick(['GET\0', 'GEX\0', 'abcd', 'ab\0x']);
    const word = [...text].reduceRight((sum, char) => (sum << 8) | char.charCodeAt(0), 0);
    out.emit(op.ST | op.MODE_MEM | op.SIZE_W, fp, 0, -at, word);
    g.state.writeStack(at, 4);
  }
  g.pointToStack(1, at);
  out.movImm(2, size);
  out.emit(op.LDDW, 3, op.PSEUDO_MAP_VALUE, 0, fuzzMap('.rodata'));
  out.emit(0, 0, 0, 0, random.below(stringCount) * stringStride);
  called(g, 'strncmp');
}

/**
 * The low two bits of the flags are the verdict for an index without an entry; 8 and 16 are BPF_F_BROADCAST and
 * BPF_F_EXCLUDE_INGRESS.
 */
function redirectMap(g: Generator): void {
  const { out, random } = g;
  if (random.chance(0.5)) out.movImm(2, random.below(6));
  else {
    out.mov(2, random.pick(g.scalars()));
    out.emit(op.ALU64 | op.AND | op.K, 2, 0, 0, 7);
  }
  out.loadMap(1, fuzzMap('devmap'));
  out.movImm(3, random.pick([0, 0, 1, 2, 3, 8, 16, 24, 64]));
  called(g, 'redirect_map');
}

/** Among them CPUs that there are not: the helper gives NULL. */
function lookupPercpu(g: Generator): void {
  const { out, random } = g;
  const index = fuzzMap(random.pick(['percpu_array', 'percpu_hash', 'lru_percpu']));
  const spec = fuzzMaps[index];
  if (spec === undefined) return;
  putKey(g, 8, spec.keySize, false);
  out.loadMap(1, index);
  g.pointToStack(2, 8);
  out.movImm(3, random.pick([0, 1, 1, 7, -1]));
  out.callHelper('map_lookup_percpu_elem');
  withValue(g, index, spec.valueSize);
}

/** A look-up in a map that a look-up found. */
function innerMap(g: Generator): void {
  const { out, random, state } = g;
  putKey(g, 16, 4, false);
  out.emit(op.ST | op.MODE_MEM | op.SIZE_W, fp, 0, -8, random.pick([0, 0, 0, 1, 5]));
  state.writeStack(8, 4);
  out.loadMap(1, fuzzMap('outer'));
  g.pointToStack(2, 8);
  out.callHelper('map_lookup_elem');
  state.clobber();
  const none = out.label();
  out.jump(op.JMP | op.JEQ | op.K, none, 0, 0, 0);
  const before = new TypeState(state);
  before.set(0, scalar);
  out.mov(1, 0);
  g.pointToStack(2, 16);
  out.callHelper('map_lookup_elem');
  const inner = fuzzMap('inner');
  withValue(g, inner, fuzzMaps[inner]?.valueSize ?? 0);
  out.movImm(0, 0);
  g.state.set(0, scalar);
  out.bind(none);
  g.state.meet(before);
}

function bloomFilter(g: Generator): void {
  const { out, random, state } = g;
  const at = 8 * (1 + random.below(4));
  out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, fp, 0, -at, random.below(12));
  state.writeStack(at, 8);
  out.loadMap(1, fuzzMap('bloom'));
  g.pointToStack(2, at);
  if (random.chance(0.5)) {
    out.movImm(3, random.pick([0, 0, 1]));
    called(g, 'map_push_elem');
  } else called(g, 'map_peek_elem');
}

/** Of hashes the order of visits would differ, so only arrays. */
function forEachElement(g: Generator): void {
  const { out, random, state } = g;
  if (!state.stackReadable(stackBytes, callbackMemory)) return;
  const map = fuzzMap(random.pick(['array', 'percpu_array']));
  const label = out.label();
  out.loadMap(1, map);
  out.loadFunction(2, label);
  g.pointToStack(3, stackBytes);
  out.movImm(4, 0);
  called(g, 'for_each_map_elem');
  g.pending.push({ label, name: `${g.name}_element_${out.here}`, role: 'element', moves: false, map });
}

function tailCall(g: Generator): void {
  const { out, random, state } = g;
  // Where execution stops for good, only half of the time.
  const over = out.label();
  if (random.chance(0.7)) out.jump(op.JMP | op.JSET | op.K, over, random.pick(g.scalars()), 0, random.pick([1, 2, 6]));
  loadContext(g);
  out.loadMap(2, fuzzMap('programs'));
  out.movImm(3, random.below(4));
  out.callHelper('tail_call');
  out.bind(over);
  // It comes back only where it failed; either way r0 to r5 are not what they were.
  state.clobber();
}
