/**
 * Calls, as both versions make them: what must be equal before, what both have afterwards. A call is a function
 * about which nothing is known: equal arguments, equal bytes behind pointers and an equal world give an equal
 * result and an equal new world. Look-ups are functions of their key and the state of all maps, which nobody sees
 * happen: a version may leave one out or do it earlier.
 */

import type { MapSpec } from '../../object/index.js';
import { type ArgClass, isArrayMap, stackSize } from '../../platform/index.js';
import type { Term, Terms } from '../../solve/index.js';
import { low } from './alu.js';
import type { FrameUse } from './frame-use.js';
import type { CallShape } from './helper-shape.js';
import { isOfMaps, type Side, selectByte, Untracked } from './side.js';
import { everyMap, type Region, type Symbols } from './symbols.js';

/** What must hold for both versions to do the same here. */
export interface Obligation {
  readonly holds: Term;
  readonly what: string;
}

/** A call that both versions make. */
export interface Call {
  readonly shape: CallShape;
  /** Registers that it looks at. */
  readonly read: readonly number[];
  /** Bytes of the frame that it uses if it is handed an address of it; undefined: any. */
  readonly frame: FrameUse | undefined;
}

/** The two versions at one point of their runs. */
export interface Pair {
  readonly before: Side;
  readonly after: Side;
}

/** A map by its handle, and where its values lie. */
interface HandleInfo {
  readonly spec: MapSpec | undefined;
  readonly values: Region;
}

/** The handle of map `index`. */
export function mapHandle(symbols: Symbols, index: number): Term {
  return symbols.pointer(`map_${index}`, `handle ${index}`);
}

/** The map that an argument is, by the region that it points into. */
function handleInfo(symbols: Symbols, maps: readonly MapSpec[], handle: Term | undefined): HandleInfo | undefined {
  const region = handle && symbols.regionOf(handle);
  const match = region === undefined ? null : /^(inner )?handle (\d+)$/.exec(region);
  if (match === null) return undefined;
  const spec = maps[Number(match[2])];
  return match[1] === undefined
    ? { spec, values: `map ${match[2]}` }
    : { spec: spec?.inner, values: `inner ${match[2]}` };
}

/** Undefined where the look-up is more than a question: in an LRU map it changes what is evicted. */
export function lookUp(side: Side, maps: readonly MapSpec[]): Term | undefined {
  const { symbols } = side;
  const { terms } = symbols;
  const handle = side.reg(1);
  const info = handleInfo(symbols, maps, handle);
  if (info?.spec === undefined || info.spec.type.startsWith('lru')) return undefined;
  const { type, keySize, valueSize } = info.spec;
  const bits = 8 * keySize;
  const key = terms.extract(side.load(side.reg(2), keySize), bits - 1, 0);
  if (type === 'array' && info.spec.inner === undefined && info.values.startsWith('map '))
    return elementAt(symbols, info.values, key, info.spec);
  const found = terms.apply(`lookup_${info.values}_${bits}`, 64, [handle, key, side.elements]);
  if (isArrayMap(type)) {
    // Arrays have all their elements.
    const isElement = terms.ult(terms.zeroExtend(key, 64), entriesOf(symbols, info.values, info.spec));
    const isFound = terms.no(terms.eq(found, terms.bits(64, 0)));
    symbols.assume(found, terms.any([terms.no(isElement), isFound]));
  }
  const inner = /^map (\d+)$/.exec(info.values);
  const isOuter = info.spec.inner !== undefined && inner !== null;
  const region = isOuter ? `inner handle ${inner[1]}` : info.values;
  if (!isOuter) symbols.isElement(found, region, valueSize);
  symbols.pointsInto(found, region);
  return found;
}

/** The value of an array's element: elements lie in a row, each on 8 bytes (kernel/bpf/arraymap.c). */
function elementAt(symbols: Symbols, values: Region, key: Term, spec: MapSpec): Term {
  const { terms } = symbols;
  const { maxEntries, valueSize } = spec;
  const first = arrayValues(symbols, values, maxEntries, valueSize);
  const index = terms.zeroExtend(key, 64);
  const address = terms.add(first, terms.binary('bvmul', index, terms.bits(64, strideOf(valueSize))));
  const isElement = terms.ult(index, entriesOf(symbols, values, spec));
  return terms.ite(isElement, address, terms.bits(64, 0));
}

/** How many elements an array has: at least one, and no more is known where that is left to the loader. */
function entriesOf(symbols: Symbols, values: Region, { maxEntries }: MapSpec): Term {
  const { terms } = symbols;
  if (maxEntries > 0) return terms.bits(64, maxEntries);
  const entries = symbols.unknown(`entries of ${values}`, 64);
  symbols.assumeOnce(entries, terms.ult(terms.bits(64, 0), entries));
  symbols.assumeOnce(entries, terms.ule(entries, terms.bits(64, mostEntries)));
  return entries;
}

/** `max_entries` has 32 bits. */
const mostEntries = 0xffff_ffff;

function strideOf(valueSize: number): number {
  return Math.ceil(valueSize / 8) * 8;
}

/** The first value of the array whose values are the region; programs may name it without a look-up. */
export function arrayValues(symbols: Symbols, values: Region, maxEntries: number, valueSize: number): Term {
  const first = symbols.pointer(`value_of_${values.replace(' ', '_')}`, values);
  const size = BigInt(maxEntries > 0 ? maxEntries : mostEntries) * BigInt(strideOf(valueSize));
  // All of it lies below the addresses that errors are told by.
  symbols.assumeOnce(first, symbols.terms.ult(first, symbols.terms.bits(64, -0x100000n - size)));
  return first;
}

/** Registers are no longer there after a call; r0 has its result. */
export function finishCall(side: Side, result: Term | undefined): void {
  side.regs.fill(undefined, 1, 6);
  side.regs[0] = result;
  side.pc++;
}

/** What must be equal for both calls to be one. */
export function callObligations(pair: Pair, call: Call, maps: readonly MapSpec[]): Obligation[] {
  const { before, after } = pair;
  const { shape, read } = call;
  const { symbols } = before;
  const list: Obligation[] = [];
  const { args } = shape;
  let showsFrame = false;
  for (const r of read) {
    const kind: ArgClass = args?.[r - 1] ?? 'any';
    const b = before.regs[r];
    // What holds nothing is handed over by nobody.
    if (b === undefined) continue;
    const a = after.reg(r);
    const onStack = symbols.regionOf(b) === 'stack';
    const size = args === undefined ? undefined : sizeOf(pair, args, r, maps);
    if (size === undefined) {
      list.push({ holds: symbols.terms.eq(b, a), what: `argument r${r}` });
      if (onStack) showsFrame = true;
      continue;
    }
    if (symbols.regionOf(a) !== symbols.regionOf(b) || !onStack)
      list.push({ holds: symbols.terms.eq(b, a), what: `argument r${r}` });
    if (isRead(kind)) list.push(contentsEqual(pair, b, a, size, `bytes behind r${r}`));
    // Where it writes nothing is known any more of all that lies around.
    if (shape.isBlind && isWritten(kind) && !onStack && b.op !== 'const') {
      const region = before.accessed(b, true);
      list.push(regionsEqual(pair, region, `memory: ${region}`));
    }
  }
  if (showsFrame) list.push(framesEqual(pair, call.frame));
  if (!shape.isBlind) list.push(...worldEqual(pair));
  return list;
}

/**
 * Both versions go on with what the call left; `name` is that of this call. `isFilled`: it has written a `mem out`.
 */
export function performCall(pair: Pair, call: Call, maps: readonly MapSpec[], name: string, isFilled: boolean): void {
  const { before, after } = pair;
  const { shape, read, frame } = call;
  const { symbols } = before;
  const { args } = shape;
  const handle = before.regs[1];
  const given = read.filter((r) => before.regs[r] !== undefined);
  const showsFrame = given.some(
    (r) =>
      symbols.regionOf(before.reg(r)) === 'stack' &&
      (args === undefined || sizeOf(pair, args, r, maps) === undefined) &&
      args?.[r - 1] !== 'any',
  );
  for (const r of given) {
    const kind = args?.[r - 1];
    const size = args === undefined ? undefined : sizeOf(pair, args, r, maps);
    if (kind === undefined || size === undefined || !isWritten(kind)) continue;
    if (isFilled || kind !== 'mem out') write(pair, r, size, `${name} r${r}`);
  }
  for (const side of [before, after]) {
    if (showsFrame) forgetFrame(side, frame, name);
    if (shape.writesMaps) forgetMaps(side, name);
    if (shape.writesPacket) side.forget('packet', name);
    if (shape.writesAll) forgetOthers(side, name);
    if (shape.movesPacket) side.geometry = newGeometry(symbols, name, side.model.isXdp);
    finishCall(side, shape.result === 'void' ? undefined : resultOf(symbols, shape, maps, handle, name));
  }
}

/** r0 of a call: one name in both versions, with the region that it points into. */
function resultOf(
  symbols: Symbols,
  shape: CallShape,
  maps: readonly MapSpec[],
  handle: Term | undefined,
  name: string,
): Term {
  const result = symbols.unknown(name, 64);
  switch (shape.result) {
    case 'integer':
      if (shape.args === undefined) symbols.pointsInto(result, 'loaded');
      break;
    case 'map_value?': {
      const info = handleInfo(symbols, maps, handle);
      symbols.pointsInto(result, info?.values ?? everyMap);
      break;
    }
    case 'ringbuf_mem?':
    case 'dynptr_mem?':
      symbols.pointsInto(result, `record ${name}`);
      break;
    default:
      symbols.pointsInto(result, 'loaded');
  }
  return result;
}

/** New names for where the packet is. */
export function newGeometry(symbols: Symbols, name: string, isXdp: boolean): Side['geometry'] {
  const { terms } = symbols;
  const of = (what: string): Term => symbols.pointer(`${what}${name}`, 'packet');
  const geometry = { data: of('data'), dataEnd: of('data_end'), dataMeta: of('data_meta') };
  const { data, dataEnd, dataMeta } = geometry;
  // An XDP packet begins in a page behind the kernel's record of it, so that no low half of its address is 0.
  if (isXdp)
    for (const start of [data, dataMeta])
      symbols.assume(start, terms.no(terms.eq(low(terms, start, 32), terms.bits(32, 0))));
  // The packet is somewhere, and no longer than a frame can be.
  symbols.assume(data, terms.ule(data, dataEnd));
  symbols.assume(data, terms.ult(terms.sub(dataEnd, data), terms.bits(64, 0x10000)));
  symbols.assume(dataMeta, terms.ule(dataMeta, data));
  symbols.assume(dataMeta, terms.ult(terms.sub(data, dataMeta), terms.bits(64, 0x100)));
  return geometry;
}

/** The callee wrote to these bytes of the frame, or anywhere in it. */
function forgetFrame(side: Side, frame: FrameUse | undefined, name: string): void {
  const { symbols } = side;
  if (frame === undefined) side.forget('stack', name);
  else
    for (const at of frame)
      side.store(symbols.terms.add(symbols.frame, symbols.terms.bits(64, at)), symbols.unknown(`${name} ${at}`, 8), 1);
}

/** Maps have changed: later look-ups are other functions of their keys. */
function forgetMaps(side: Side, name: string): void {
  for (const region of [...side.memory.keys()]) if (isOfMaps(region)) side.memory.delete(region);
  side.mapsAge = ` ${name}`;
  side.elements = side.symbols.unknown(`elements ${name}`, 64);
}

/** All but stack, packet and maps. */
function forgetOthers(side: Side, name: string): void {
  for (const region of [...side.memory.keys()])
    if (region !== 'stack' && region !== 'packet' && !isOfMaps(region)) side.memory.delete(region);
  side.age = ` ${name}`;
}

/** Bytes that an argument of known extent stands for: a number, or the register that says so. */
type Extent = number | Term;

/** Bytes behind an argument, by its class. */
function sizeOf(pair: Pair, args: readonly ArgClass[], r: number, maps: readonly MapSpec[]): Extent | undefined {
  const kind = args[r - 1];
  if (kind === undefined) return undefined;
  if (typeof kind === 'object') return kind.fixed;
  const { before } = pair;
  const info = handleInfo(before.symbols, maps, before.regs[1]);
  switch (kind) {
    case 'key':
      return info?.spec?.keySize;
    case 'value':
    case 'value out':
      return info?.spec?.valueSize;
    case 'mem':
    case 'mem?':
    case 'mem inout':
    case 'mem out':
    case 'mem out?': {
      const next = args[r];
      if (next !== 'size' && next !== 'size?') return undefined;
      const size = low(before.symbols.terms, before.reg(r + 1), 32);
      return size.op === 'const' ? Number(size.value) : size;
    }
    default:
      return undefined;
  }
}

/** Does the callee see what the argument points to? */
function isRead(kind: ArgClass): boolean {
  if (typeof kind === 'object') return kind.mode !== 'out';
  return kind === 'key' || kind === 'value' || kind === 'mem' || kind === 'mem?' || kind === 'mem inout';
}

/** Does it write there? */
function isWritten(kind: ArgClass): boolean {
  if (typeof kind === 'object') return kind.mode !== 'in';
  return kind === 'value out' || kind === 'mem out' || kind === 'mem out?' || kind === 'mem inout';
}

/** How many bytes there can be at most behind an address of the frame; of other memory nothing is known. */
function bytesAhead({ symbols }: Side, address: Term): number | undefined {
  const { terms } = symbols;
  const offset = terms.sub(address, symbols.frame);
  if (symbols.regionOf(address) !== 'stack' || offset.op !== 'const') return undefined;
  return Number(BigInt.asUintN(64, -offset.value));
}

/** That both versions hand over equal bytes: byte by byte where the size is known and small, else whole regions. */
function contentsEqual(pair: Pair, b: Term, a: Term, size: Extent, what: string): Obligation {
  const { before, after } = pair;
  const { terms } = before.symbols;
  if (b.op === 'const' || a.op === 'const') return { holds: terms.eq(b, a), what };
  const limit = typeof size === 'number' ? size : bytesAhead(before, b);
  if (limit === undefined || limit > 4 * stackSize) return regionsEqual(pair, before.accessed(b, false), what);
  const bytes: Term[] = [];
  for (let i = 0; i < limit; i++) {
    const [x, y] = [byteAt(before, b, i), byteAt(after, a, i)];
    if (isUnwritten(before, x)) continue;
    const same = terms.eq(x, y);
    const isBehind = typeof size === 'number' ? terms.false : terms.no(terms.ult(terms.bits(32, i), size));
    bytes.push(terms.any([isBehind, same]));
  }
  return { holds: terms.all(bytes), what };
}

function byteAt(side: Side, base: Term, offset: number): Term {
  const { terms } = side.symbols;
  const at = terms.add(base, terms.bits(64, offset));
  return selectByte(side.symbols, side.array(side.accessed(base, false)), at);
}

/** A byte of the frame that was never written holds anything, so that whatever stands for it will do. */
function isUnwritten({ symbols }: Side, byte: Term): boolean {
  const array = byte.op === 'select' ? byte.args[0] : undefined;
  return array?.op === 'variable' && array.name === 'stack' && symbols.regionOf(byte.args[1] as Term) === 'stack';
}

/** All bytes of the frame that were written before, or those that are used, hold the same. */
function framesEqual(pair: Pair, use: FrameUse | undefined): Obligation {
  const { before, after } = pair;
  const { terms, frame } = before.symbols;
  if (use !== undefined) {
    const bytes = [...use].map((at) => [byteAt(before, frame, at), byteAt(after, frame, at)] as const);
    const written = bytes.filter(([x]) => !isUnwritten(before, x));
    return { holds: terms.all(written.map(([x, y]) => terms.eq(x, y))), what: 'the frame' };
  }
  return contentsEqual(
    pair,
    terms.add(frame, terms.bits(64, -stackSize)),
    terms.add(frame, terms.bits(64, -stackSize)),
    stackSize,
    'the frame',
  );
}

/** A region's bytes are the same, all of them. */
export function regionsEqual(pair: Pair, region: Region, what: string): Obligation {
  const { before, after } = pair;
  const { terms } = before.symbols;
  const [x, y] = [before.array(region), after.array(region)];
  const parts = differingArms(terms, x, y, terms.true).map(({ guard, one, other }) => {
    const indices = storedIndices(one, other);
    // Wherever they differ, they differ at some address.
    const places = indices ?? [terms.unknown(`somewhere ${before.symbols.next()}`, 64)];
    const same = places.map((at) =>
      terms.eq(selectByte(before.symbols, one, at), selectByte(before.symbols, other, at)),
    );
    return terms.any([terms.no(guard), terms.all(same)]);
  });
  return { holds: terms.all(parts), what };
}

/** Two arrays that may differ, and where that counts. */
interface Arm {
  readonly guard: Term;
  readonly one: Term;
  readonly other: Term;
}

/** Choices by the same condition are the same if both sides are: what is one term on both is left out. */
function differingArms(terms: Terms, one: Term, other: Term, guard: Term): Arm[] {
  if (one === other) return [];
  const [condition, then, otherwise] = one.args as [Term, Term, Term];
  const [, a, b] = other.args as [Term, Term, Term];
  if (one.op !== 'ite' || other.op !== 'ite' || other.args[0] !== condition) return [{ guard, one, other }];
  return [
    ...differingArms(terms, then, a, terms.all([guard, condition])),
    ...differingArms(terms, otherwise, b, terms.all([guard, terms.no(condition)])),
  ];
}

/** Addresses at which either array was written since they were one; undefined if they never were. */
function storedIndices(x: Term, y: Term): Term[] | undefined {
  const found = new Set<Term>();
  const roots = new Set<Term>();
  for (const array of [x, y]) {
    let from = array;
    for (; from.op === 'store'; from = from.args[0] as Term) found.add(from.args[1] as Term);
    roots.add(from);
  }
  return roots.size === 1 ? [...found] : undefined;
}

/** All that is seen from outside: packet, maps, context, objects, and where the packet is. */
export function worldEqual(pair: Pair): Obligation[] {
  const { before, after } = pair;
  const { terms } = before.symbols;
  const regions = new Set([...before.memory.keys(), ...after.memory.keys()]);
  const list: Obligation[] = [];
  for (const region of regions) if (region !== 'stack') list.push(regionsEqual(pair, region, `memory: ${region}`));
  list.push({ holds: terms.eq(before.elements, after.elements), what: 'elements of maps' });
  list.push({ holds: terms.eq(before.geometry.data, after.geometry.data), what: 'where the packet is' });
  return list;
}

/** What a call writes through an argument: the same bytes for both versions, wherever they keep them. */
function write({ before, after }: Pair, r: number, size: Extent, name: string): void {
  const { symbols } = before;
  const { terms } = symbols;
  const base = before.reg(r);
  if (base.op === 'const') return;
  const region = before.accessed(base, true);
  if (region !== 'stack') {
    for (const side of [before, after]) side.forget(region, name);
    return;
  }
  const limit = typeof size === 'number' ? size : bytesAhead(before, base);
  if (limit === undefined) throw new Untracked(`a call at ${before.pc} writes somewhere in the frame`);
  for (const side of [before, after]) {
    const to = side.reg(r);
    for (let i = 0; i < limit; i++) {
      const at = terms.add(to, terms.bits(64, i));
      const fresh = symbols.unknown(`${name} ${i}`, 8);
      const isWithin = typeof size === 'number' ? terms.true : terms.ult(terms.bits(32, i), size);
      side.store(at, terms.ite(isWithin, fresh, byteAt(side, to, i)), 1);
    }
  }
}
