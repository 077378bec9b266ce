/**
 * Look-ups in hash maps, specialised by key size: lookup3 over the key's words, then the bucket's chain
 * (src/vm/maps/hash-table.ts, hash-function.ts).
 */
import type { HashLayout, MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { exchange } from './exchange.js';
import type { Services } from './services.js';

/** Longest key that is compared word by word. */
const maxKey = 64;

const start = 0xdeadbeef;

/**
 * Parameters: the key's words of 4 bytes and what is left, zero-extended; or its address. Result: address of the
 * value, or 0.
 */
export function defineHashLookup(
  services: Services,
  map: number,
  layout: MapLayout & { readonly kind: 'hash' },
  inMemory: boolean,
): number {
  const { index, out, key, keySize } = openLookup(services, map, 'lookup', inMemory);
  const hash = emitHash(out, key, keySize);
  const link = emitFind(out, layout.table, key, keySize, hash);
  out.getLocal(link).op('i32.eqz').if().i32(0).op('return').end();
  emitFound(out, services, link, layout);
  services.module.define(index, out);
  return index;
}

/** A function that finds a key: it begins with the key's words in locals, wherever its caller has them. */
export function openLookup(
  { module, machine }: Services,
  map: number,
  name: string,
  inMemory: boolean,
): { readonly index: number; readonly out: CodeBuilder; readonly key: readonly number[]; readonly keySize: number } {
  const keySize = machine.maps[map]?.spec.keySize ?? 0;
  const words = Math.ceil(keySize / 4);
  const params = inMemory ? (['i32'] as const) : new Array<'i32'>(words).fill('i32');
  const index = module.declareFunction(`${name}_${map}`, params, ['i32']);
  const out = module.bodyOf(index);
  const key = inMemory ? loadWords(out, keySize, words) : params.map((_, i) => i);
  return { index, out, key, keySize };
}

/** Local that holds the link of the element with this key (its number plus 1), or 0. */
export function emitFind(
  out: CodeBuilder,
  table: HashLayout,
  key: readonly number[],
  keySize: number,
  hash: number,
): number {
  const link = out.addLocal('i32');
  const node = out.addLocal('i32');
  pushBucket(out, table, hash);
  out.memory('i32.load').setLocal(link);
  out.block().loop();
  out.getLocal(link).op('i32.eqz').brIf(1);
  out.getLocal(link).i32(1).op('i32.sub').i32(table.nodeStride).op('i32.mul').setLocal(node);
  out
    .getLocal(node)
    .memory('i32.load', table.nodesAt + 4)
    .getLocal(hash)
    .op('i32.eq')
    .if();
  emitCompare(out, link, key, keySize, table.keys, table.keyStride);
  out.brIf(2).end();
  out.getLocal(node).memory('i32.load', table.nodesAt).setLocal(link).br(0);
  out.end().end();
  return link;
}

/** Pushes the address of the bucket of a hash. */
export function pushBucket(out: CodeBuilder, table: HashLayout, hash: number): void {
  out
    .getLocal(hash)
    .i32(table.buckets - 1)
    .op('i32.and')
    .i32(2)
    .op('i32.shl');
  out.i32(table.bucketsAt).op('i32.add');
}

/**
 * Are keys of so many bytes looked up by compiled code? Longer ones go through JavaScript, which costs them little.
 */
export function fitsHashLookup(keySize: number): boolean {
  return keySize <= maxKey;
}

/** Words of the key at the address in local 0, in locals. */
export function loadWords(out: CodeBuilder, size: number, words: number): number[] {
  return Array.from({ length: words }, (_, i) => {
    const local = out.addLocal('i32');
    pushWord(out, () => out.getLocal(0), 4 * i, Math.min(4, size - 4 * i));
    out.setLocal(local);
    return local;
  });
}

/** Pushes `size` (1 to 4) bytes, zero-extended. */
function pushWord(out: CodeBuilder, pushBase: () => void, at: number, size: number): void {
  pushBase();
  if (size === 4) out.memory('i32.load', at);
  else if (size === 1) out.memory('i32.load8_u', at);
  else {
    out.memory('i32.load16_u', at);
    if (size === 2) return;
    pushBase();
    out
      .memory('i32.load8_u', at + 2)
      .i32(16)
      .op('i32.shl')
      .op('i32.or');
  }
}

/** Local that holds the hash. */
export function emitHash(out: CodeBuilder, key: readonly number[], size: number): number {
  const [a, b, c] = [out.addLocal('i32'), out.addLocal('i32'), out.addLocal('i32')];
  out
    .i32(start + size)
    .teeLocal(a)
    .teeLocal(b)
    .setLocal(c);
  const add = (to: number, word: number | undefined): void => {
    if (word !== undefined) out.getLocal(to).getLocal(word).op('i32.add').setLocal(to);
  };
  let at = 0;
  let left = size;
  for (; left > 12; left -= 12, at += 3) {
    add(a, key[at]);
    add(b, key[at + 1]);
    add(c, key[at + 2]);
    // x = (x - y) ^ rotl(y, n); y += z, around the three.
    const step = (x: number, y: number, z: number, n: number): void => {
      out.getLocal(x).getLocal(y).op('i32.sub').getLocal(y).i32(n).op('i32.rotl').op('i32.xor').setLocal(x);
      out.getLocal(y).getLocal(z).op('i32.add').setLocal(y);
    };
    step(a, c, b, 4);
    step(b, a, c, 6);
    step(c, b, a, 8);
    step(a, c, b, 16);
    step(b, a, c, 19);
    step(c, b, a, 4);
  }
  add(a, key[at]);
  add(b, key[at + 1]);
  add(c, key[at + 2]);
  const last = (x: number, y: number, n: number): void => {
    out.getLocal(x).getLocal(y).op('i32.xor').getLocal(y).i32(n).op('i32.rotl').op('i32.sub').setLocal(x);
  };
  last(c, b, 14);
  last(a, c, 11);
  last(b, a, 25);
  last(c, b, 16);
  last(a, c, 4);
  last(b, a, 14);
  last(c, b, 24);
  return c;
}

/** Pushes whether element `link` - 1 has the key. */
function emitCompare(
  out: CodeBuilder,
  link: number,
  key: readonly number[],
  size: number,
  keys: number,
  stride: number,
): void {
  const at = out.addLocal('i32');
  out.getLocal(link).i32(1).op('i32.sub').i32(stride).op('i32.mul').setLocal(at);
  for (const [i, word] of key.entries()) {
    pushWord(out, () => out.getLocal(at), keys + 4 * i, Math.min(4, size - 4 * i));
    out.getLocal(word).op('i32.xor');
    if (i > 0) out.op('i32.or');
  }
  out.op('i32.eqz');
}

function emitFound(
  out: CodeBuilder,
  services: Services,
  link: number,
  layout: MapLayout & { readonly kind: 'hash' },
): void {
  const { reference } = layout;
  const element = out.addLocal('i32');
  out.getLocal(link).i32(1).op('i32.sub').setLocal(element);
  if (reference !== undefined) {
    const at = out.addLocal('i32');
    out.getLocal(element).i32(reference.stride).op('i32.mul').teeLocal(at);
    out.memory('i32.load8_u', reference.at).op('i32.eqz').if();
    out.getLocal(at).i32(1).memory('i32.store8', reference.at).end();
  }
  out.getLocal(element);
  if (layout.cpus > 1) {
    out.i32(layout.cpus).op('i32.mul');
    out
      .i32(services.exchange + exchange.cpu)
      .memory('i32.load')
      .op('i32.add');
  }
  out.i32(layout.stride).op('i32.mul').i32(layout.base).op('i32.add');
  if (layout.holdsMaps) out.memory('i32.load');
}
