/** Longest prefix match in an LPM_TRIE (src/vm/maps/lpm-trie.ts), specialised by key size. */
import type { MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { loadWords } from './hash-code.js';
import type { Services } from './services.js';

const prefixAt = 8;
const flagsAt = 12;
const dataAt = 16;

/** Parameters: prefix length and words of data, or the key's address. Result: address of the value, or 0. */
export function defineTrieLookup(
  services: Services,
  map: number,
  layout: MapLayout & { readonly kind: 'trie' },
  inMemory: boolean,
): number {
  const { module, machine } = services;
  const keySize = machine.maps[map]?.spec.keySize ?? 0;
  const words = Math.ceil(keySize / 4);
  const params = inMemory ? (['i32'] as const) : new Array<'i32'>(words).fill('i32');
  const index = module.declareFunction(`match_${map}`, params, ['i32']);
  const out = module.bodyOf(index);
  const key = inMemory ? loadWords(out, keySize, words) : params.map((_, i) => i);
  const [prefix, ...data] = key as [number, ...number[]];
  const maxPrefix = 8 * (keySize - 4);
  const [found, link, node, length, matched] = ['found', 'link', 'node', 'length', 'matched'].map(() =>
    out.addLocal('i32'),
  ) as [number, number, number, number, number];
  out.getLocal(prefix).i32(maxPrefix).op('i32.gt_u').if().i32(0).op('return').end();
  out.i32(layout.root).memory('i32.load').setLocal(link);
  out.block().loop();
  out.getLocal(link).op('i32.eqz').brIf(1);
  out
    .getLocal(link)
    .i32(layout.nodeStride)
    .op('i32.mul')
    .i32(layout.nodes - layout.nodeStride)
    .op('i32.add');
  out.teeLocal(node).memory('i32.load', prefixAt).setLocal(length);
  emitCommon(out, node, data);
  out.setLocal(matched);
  for (const limit of [length, prefix]) {
    out
      .getLocal(matched)
      .getLocal(limit)
      .getLocal(matched)
      .getLocal(limit)
      .op('i32.lt_u')
      .op('select')
      .setLocal(matched);
  }
  out.getLocal(matched).i32(maxPrefix).op('i32.eq').if().getLocal(link).setLocal(found).br(2).end();
  out.getLocal(matched).getLocal(length).op('i32.lt_u').brIf(1);
  out.getLocal(link).getLocal(found).getLocal(node).memory('i32.load', flagsAt).i32(1).op('i32.and').op('i32.eqz');
  out.op('select').setLocal(found);
  // Both children: which one it is takes longer to find out than to load them.
  out.getLocal(node).memory('i32.load', 4).getLocal(node).memory('i32.load', 0);
  emitBit(out, length, data);
  out.op('select').setLocal(link).br(0);
  out.end().end();
  out.getLocal(found).op('i32.eqz').if().i32(0).op('return').end();
  out.getLocal(found).i32(1).op('i32.sub').i32(layout.stride).op('i32.mul').i32(layout.base).op('i32.add');
  module.define(index, out);
  return index;
}

/** Pushes how many leading bits of the node's data are those of the key. */
function emitCommon(out: CodeBuilder, node: number, data: readonly number[]): void {
  const difference = out.addLocal('i32');
  const common = out.addLocal('i32');
  out.i32(32 * data.length).setLocal(common);
  out.block();
  for (const [i, word] of data.entries()) {
    out
      .getLocal(node)
      .memory('i32.load', dataAt + 4 * i)
      .getLocal(word)
      .op('i32.xor')
      .teeLocal(difference);
    out.if();
    // Bits count from the most significant one of the first byte.
    out.getLocal(difference).i32(8).op('i32.rotl').i32(0x00ff00ff).op('i32.and');
    out.getLocal(difference).i32(8).op('i32.rotr').i32(0xff00ff00).op('i32.and').op('i32.or');
    out
      .op('i32.clz')
      .i32(32 * i)
      .op('i32.add')
      .setLocal(common)
      .br(1)
      .end();
  }
  out.end();
  out.getLocal(common);
}

/** Pushes bit `index` of the key's data. */
function emitBit(out: CodeBuilder, index: number, data: readonly number[]): void {
  const word = out.addLocal('i32');
  out.getLocal(data[0] as number).setLocal(word);
  for (const [i, local] of data.entries()) {
    if (i === 0) continue;
    out
      .getLocal(local)
      .getLocal(word)
      .getLocal(index)
      .i32(32 * i)
      .op('i32.ge_u')
      .op('select')
      .setLocal(word);
  }
  // In byte index / 8, bit 7 - index % 8: with little-endian words that is bit (index ^ 7) % 32.
  out.getLocal(word).getLocal(index).i32(7).op('i32.xor').op('i32.shr_u').i32(1).op('i32.and');
}
