/**
 * Updates and deletions in hash maps, specialised by map and flags: what `update` and `delete` of src/vm/maps/hash.ts,
 * percpu-hash.ts and lru-hash.ts do, store by store. What needs more than the table (an LRU map that has to make room,
 * an element of it that is replaced) is left to JavaScript, before anything has changed.
 */
import { errno } from '../platform/index.js';
import type { HashChange, MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { emitCopy } from './copy-code.js';
import { exchange, leftToHost } from './exchange.js';
import { emitFind, emitHash, loadWords, pushBucket } from './hash-code.js';
import type { Services } from './services.js';

const noExist = 1;
const exist = 2;

// The table's header, and nodes of LRU lists: see maps/hash-table.ts and maps/lru-lists.ts.
const freshAt = 4;
const freeAt = 8;
const lruNodeSize = 12;
const nextAt = 4;
const cpuAt = 8;
const typeAt = 10;
const referenceAt = 11;
const localFree = 3;
const localPending = 4;

type Layout = MapLayout & { readonly kind: 'hash' };

/** What the emitters below work on. Parameters of the functions: address of the key, and of the value. */
interface Site {
  readonly out: CodeBuilder;
  readonly services: Services;
  readonly map: number;
  readonly layout: Layout;
  readonly change: HashChange;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Local of the key's hash, and of the link of the element that has the key. */
  readonly hash: number;
  readonly old: number;
}

const keyParameter = 0;
const valueParameter = 1;

/** (key, value) -> 0, an error number, or {@link leftToHost}. `flags`: BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
export function defineHashUpdate(services: Services, map: number, layout: Layout, flags: number): number | undefined {
  const { change } = layout;
  if (change === undefined || flags > exist) return undefined;
  // An LRU map takes an element, and perhaps evicts another, before it finds that there is nothing to replace.
  if (change.kind === 'lru' && flags === exist) return undefined;
  const index = services.module.declareFunction(`update_${map}_${flags}`, ['i32', 'i32'], ['i32']);
  const site = open(services, map, layout, change, index);
  const { out, old } = site;
  if (change.kind === 'lru') leave(out, leftToHost, () => out.getLocal(old));
  else if (flags === noExist) leave(out, -errno.EEXIST, () => out.getLocal(old));
  else if (flags === exist) leave(out, -errno.ENOENT, () => out.getLocal(old).op('i32.eqz'));
  switch (change.kind) {
    case 'replace':
      emitReplace(site, change.spares);
      break;
    case 'in place':
      emitInPlace(site);
      break;
    case 'lru':
      emitEnter(site, emitTakeLocal(site, change));
      break;
  }
  out.i32(0);
  services.module.define(index, out);
  return index;
}

/** (key) -> 0, an error number, or {@link leftToHost}. */
export function defineHashDelete(services: Services, map: number, layout: Layout): number | undefined {
  const { change } = layout;
  if (change === undefined) return undefined;
  const index = services.module.declareFunction(`delete_${map}`, ['i32'], ['i32']);
  const site = open(services, map, layout, change, index);
  const { out, old } = site;
  leave(out, -errno.ENOENT, () => out.getLocal(old).op('i32.eqz'));
  if (change.kind === 'lru') {
    emitToLocalFree(site, change);
    emitRemove(site);
  } else {
    emitRemove(site);
    emitRelease(site);
  }
  out.i32(0);
  services.module.define(index, out);
  return index;
}

/** Begins the function of a change: loads the key, hashes it, and finds what the map has under it. */
function open(services: Services, map: number, layout: Layout, change: HashChange, index: number): Site {
  const spec = services.machine.maps[map]?.spec;
  const { keySize = 0, valueSize = 0, maxEntries = 0 } = spec ?? {};
  const out = services.module.bodyOf(index);
  const key = loadWords(out, keySize, Math.ceil(keySize / 4));
  const hash = emitHash(out, key, keySize);
  const old = emitFind(out, layout.table, key, keySize, hash);
  return { out, services, map, layout, change, keySize, valueSize, maxEntries, hash, old };
}

/** Returns `result` if the condition holds. */
function leave(out: CodeBuilder, result: number, pushCondition: () => void): void {
  pushCondition();
  out.if().i32(result).op('return').end();
}

/** Pushes the address of something that element `link` - 1 has, `stride` apart, the first at `base`. */
function pushElement(out: CodeBuilder, link: number, stride: number, base: number): CodeBuilder {
  return out
    .getLocal(link)
    .i32(stride)
    .op('i32.mul')
    .i32(base - stride)
    .op('i32.add');
}

/** Pushes the address of a node by its link (number plus one; 0 is none). */
function pushNode({ out, layout: { table } }: Site, link: number): CodeBuilder {
  return pushElement(out, link, table.nodeStride, table.nodesAt);
}

/** Pushes the number of the CPU that runs the program: per-CPU lists go by it. */
function pushCpu({ out, services }: Site): CodeBuilder {
  return out.i32(services.exchange + exchange.cpu).memory('i32.load');
}

/** Adds to the count of elements. */
function emitCount({ out, layout: { table } }: Site, by: number): void {
  out.i32(table.header).i32(table.header).memory('i32.load').i32(by).op('i32.add').memory('i32.store');
}

/** HASH: a new element takes the old one's place. */
function emitReplace(site: Site, spares: number | undefined): void {
  const { out, old, layout, maxEntries } = site;
  const added = out.addLocal('i32');
  out.getLocal(old).op('i32.eqz').if();
  leave(out, -errno.E2BIG, () => out.i32(layout.table.header).memory('i32.load').i32(maxEntries).op('i32.ge_u'));
  emitTake(site, added);
  out.else();
  if (spares === undefined) {
    emitTake(site, added);
  } else {
    const slot = out.addLocal('i32');
    pushCpu(site).i32(2).op('i32.shl').i32(spares).op('i32.add').teeLocal(slot);
    out.memory('i32.load').setLocal(added);
    out.getLocal(slot).getLocal(old).memory('i32.store');
    out.getLocal(added).op('i32.eqz').if();
    pushCpu(site)
      .i32(maxEntries + 1)
      .op('i32.add')
      .setLocal(added)
      .end();
  }
  out.end();
  emitEnter(site, added);
  out.getLocal(old).if();
  emitRemove(site);
  if (spares === undefined) emitRelease(site);
  out.end();
}

/** PERCPU_HASH: an old value is overwritten, a new one is zero on the other CPUs. */
function emitInPlace(site: Site): void {
  const { out, old, valueSize } = site;
  out.getLocal(old).if();
  pushValue(site, old);
  emitCopy(out.getLocal(valueParameter), valueSize);
  out.else();
  const added = out.addLocal('i32');
  emitTake(site, added);
  emitEnter(site, added);
  out.end();
}

/** Pushes the address of an element's value, on this CPU. */
function pushValue(site: Site, link: number): void {
  const { out, layout } = site;
  out.getLocal(link).i32(1).op('i32.sub');
  if (layout.cpus > 1) {
    out.i32(layout.cpus).op('i32.mul');
    pushCpu(site).op('i32.add');
  }
  out.i32(layout.stride).op('i32.mul').i32(layout.base).op('i32.add');
}

/** Key, hash and value of an element that is in no list; then it goes to the head of its bucket. */
function emitEnter(site: Site, link: number): void {
  const { out, layout, keySize, valueSize, hash } = site;
  const { table } = layout;
  emitCopy(pushElement(out, link, table.keyStride, table.keys).getLocal(keyParameter), keySize);
  if (layout.cpus > 1) emitZeroValues(site, link);
  pushValue(site, link);
  emitCopy(out.getLocal(valueParameter), valueSize);
  const bucket = out.addLocal('i32');
  const node = out.addLocal('i32');
  pushBucket(out, table, hash);
  out.setLocal(bucket);
  pushNode(site, link).setLocal(node);
  out.getLocal(node).getLocal(hash).memory('i32.store', 4);
  out.getLocal(node).getLocal(bucket).memory('i32.load').memory('i32.store');
  out.getLocal(bucket).getLocal(link).memory('i32.store');
  emitCount(site, 1);
}

/** A new element's values on the other CPUs; padding stays as it was. */
function emitZeroValues(site: Site, link: number): void {
  const { out, layout, valueSize } = site;
  for (let cpu = 0; cpu < layout.cpus; cpu++) {
    pushCpu(site).i32(cpu).op('i32.ne').if();
    pushElement(out, link, layout.cpus * layout.stride, layout.base + cpu * layout.stride);
    out.i32(0).i32(valueSize).memoryFill().end();
  }
}

/** HashTable.take; leaves with E2BIG if there is none. */
function emitTake(site: Site, link: number): void {
  const {
    out,
    layout: { table },
  } = site;
  out.i32(table.header).memory('i32.load', freeAt).teeLocal(link).if();
  out.i32(table.header);
  pushNode(site, link).memory('i32.load', 4).memory('i32.store', freeAt);
  out.else();
  out.i32(table.header).memory('i32.load', freshAt).setLocal(link);
  leave(out, -errno.E2BIG, () => out.getLocal(link).i32(table.elements).op('i32.eq'));
  out.getLocal(link).i32(1).op('i32.add').setLocal(link);
  out.i32(table.header).getLocal(link).memory('i32.store', freshAt).end();
}

/** HashTable.remove of the old element. */
function emitRemove(site: Site): void {
  const {
    out,
    layout: { table },
    hash,
    old,
  } = site;
  const slot = out.addLocal('i32');
  const link = out.addLocal('i32');
  pushBucket(out, table, hash);
  out.setLocal(slot);
  out.loop();
  out.getLocal(slot).memory('i32.load').teeLocal(link).getLocal(old).op('i32.ne').if();
  pushNode(site, link).setLocal(slot).br(1).end();
  out.end();
  out.getLocal(slot);
  pushNode(site, old).memory('i32.load').memory('i32.store');
  emitCount(site, -1);
}

/** HashTable.release of the old element. */
function emitRelease(site: Site): void {
  const {
    out,
    layout: { table },
    old,
  } = site;
  pushNode(site, old).i32(table.header).memory('i32.load', freeAt).memory('i32.store', 4);
  out.i32(table.header).getLocal(old).memory('i32.store', freeAt);
}

type Lru = HashChange & { readonly kind: 'lru' };

/** Pushes the address of a node of the LRU lists. */
function pushLruNode(out: CodeBuilder, { nodes }: Lru, node: number): CodeBuilder {
  return out.getLocal(node).i32(lruNodeSize).op('i32.mul').i32(nodes).op('i32.add');
}

/** A local with a word of a node. */
function readLru(out: CodeBuilder, lru: Lru, node: number, at: number): number {
  const word = out.addLocal('i32');
  pushLruNode(out, lru, node).memory('i32.load', at).setLocal(word);
  return word;
}

/** `before` and `after` become neighbours. */
function emitLink(out: CodeBuilder, lru: Lru, before: number, after: number): void {
  pushLruNode(out, lru, before).getLocal(after).memory('i32.store', nextAt);
  pushLruNode(out, lru, after).getLocal(before).memory('i32.store');
}

function emitMove(out: CodeBuilder, lru: Lru, node: number, head: number): void {
  emitLink(out, lru, readLru(out, lru, node, 0), readLru(out, lru, node, nextAt));
  const first = readLru(out, lru, head, nextAt);
  emitLink(out, lru, head, node);
  emitLink(out, lru, node, first);
}

/**
 * LruLists.take from the CPU's local list; if that is empty, JavaScript refills it. Returns the local that holds the
 * element's link.
 */
function emitTakeLocal(site: Site, lru: Lru): number {
  const { out } = site;
  const head = out.addLocal('i32');
  const pending = out.addLocal('i32');
  pushCpu(site).i32(1).op('i32.shl').i32(lru.heads).op('i32.add').teeLocal(head);
  out.i32(1).op('i32.add').setLocal(pending);
  const node = readLru(out, lru, head, nextAt);
  leave(out, leftToHost, () => out.getLocal(node).getLocal(head).op('i32.eq'));
  emitMove(out, lru, node, pending);
  pushLruNode(out, lru, node);
  pushCpu(site).memory('i32.store16', cpuAt);
  pushLruNode(out, lru, node).i32(localPending).memory('i32.store8', typeAt);
  pushLruNode(out, lru, node).i32(0).memory('i32.store8', referenceAt);
  const link = out.addLocal('i32');
  out
    .getLocal(node)
    .i32(lru.first - 1)
    .op('i32.sub')
    .setLocal(link);
  return link;
}

/** LruLists.release of an old element that is still pending on a CPU; others are JavaScript's. */
function emitToLocalFree(site: Site, lru: Lru): void {
  const { out, old } = site;
  const node = out.addLocal('i32');
  const head = out.addLocal('i32');
  out
    .getLocal(old)
    .i32(lru.first - 1)
    .op('i32.add')
    .setLocal(node);
  leave(out, leftToHost, () =>
    pushLruNode(out, lru, node).memory('i32.load8_u', typeAt).i32(localPending).op('i32.ne'),
  );
  pushLruNode(out, lru, node).i32(localFree).memory('i32.store8', typeAt);
  pushLruNode(out, lru, node).i32(0).memory('i32.store8', referenceAt);
  pushLruNode(out, lru, node).memory('i32.load16_u', cpuAt).i32(1).op('i32.shl').i32(lru.heads).op('i32.add');
  out.setLocal(head);
  emitMove(out, lru, node, head);
}
