/**
 * Longest prefix match in an LPM_TRIE (src/vm/maps/lpm-trie.ts), specialised by key size.
 *
 * A table by the key's first byte saves the walk over the nodes that it decides. Which child comes next is a branch,
 * not a choice between two loads: where the processor guesses it right, a level costs one load instead of a load, a
 * shift and a choice that wait for each other; where it guesses wrong, about as much as that.
 */
import type { MapLayout } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import { openLookup } from './hash-code.js';
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
  const { index, out, key, keySize } = openLookup(services, map, 'match', inMemory);
  const [prefix, ...data] = key as readonly [number, ...number[]];
  const maxPrefix = 8 * (keySize - 4);
  const [found, link, node, length] = ['found', 'link', 'node', 'length'].map(() => out.addLocal('i32')) as [
    number,
    number,
    number,
    number,
  ];
  out.getLocal(prefix).i32(maxPrefix).op('i32.gt_u').if().i32(0).op('return').end();
  // Bits count from the most significant one of the first byte: words are turned around, as the nodes' are.
  for (const word of data) emitSwap(out, word);
  const nodes = layout.nodes - layout.nodeStride;
  out.getLocal(prefix).i32(8).op('i32.lt_u').if();
  out.i32(layout.root).memory('i32.load').setLocal(link).else();
  out
    .getLocal(data[0] as number)
    .i32(24)
    .op('i32.shr_u')
    .i32(3)
    .op('i32.shl')
    .teeLocal(node);
  out.memory('i32.load', layout.top).setLocal(link);
  out
    .getLocal(node)
    .memory('i32.load', layout.top + 4)
    .setLocal(found)
    .end();
  out.block().loop();
  out.getLocal(link).op('i32.eqz').brIf(1);
  out.getLocal(link).i32(Math.log2(layout.nodeStride)).op('i32.shl').teeLocal(node);
  out.memory('i32.load', nodes + prefixAt).setLocal(length);
  emitCommon(out, () => out.getLocal(node), nodes + dataAt, data);
  out.getLocal(length).op('i32.lt_u').brIf(1);
  out.getLocal(prefix).getLocal(length).op('i32.lt_u').brIf(1);
  out.getLocal(link).getLocal(found);
  out
    .getLocal(node)
    .memory('i32.load', nodes + flagsAt)
    .i32(1)
    .op('i32.and')
    .op('i32.eqz');
  out.op('select').setLocal(found);
  emitShifted(out, length, data);
  out.i32(0).op('i32.lt_s').if();
  out
    .getLocal(node)
    .memory('i32.load', nodes + 4)
    .setLocal(link)
    .br(1);
  out.else().getLocal(node).memory('i32.load', nodes).setLocal(link).br(1).end();
  out.end().end();
  out.getLocal(found).op('i32.eqz').if().i32(0).op('return').end();
  out.getLocal(found).i32(1).op('i32.sub').i32(layout.stride).op('i32.mul').i32(layout.base).op('i32.add');
  services.module.define(index, out);
  return index;
}

function emitSwap(out: CodeBuilder, local: number): void {
  out.getLocal(local).i32(8).op('i32.rotl').i32(0x00ff00ff).op('i32.and');
  out.getLocal(local).i32(8).op('i32.rotr').i32(0xff00ff00).op('i32.and').op('i32.or').setLocal(local);
}

/** Pushes how many leading bits of the node's data at `offset` are those of the key. */
function emitCommon(out: CodeBuilder, pushNode: () => void, offset: number, data: readonly number[]): void {
  const pushDifference = (i: number): void => {
    pushNode();
    out
      .memory('i32.load', offset + 4 * i)
      .getLocal(data[i] as number)
      .op('i32.xor');
  };
  const last = data.length - 1;
  const difference = out.addLocal('i32');
  out.block('i32');
  for (let i = 0; i < last; i++) {
    pushDifference(i);
    out.teeLocal(difference).if();
    out
      .getLocal(difference)
      .op('i32.clz')
      .i32(32 * i)
      .op('i32.add')
      .br(1)
      .end();
  }
  pushDifference(last);
  out.op('i32.clz');
  if (last > 0) out.i32(32 * last).op('i32.add');
  out.end();
}

/** Pushes a word whose top bit is bit `index` of the key's data; any word if the key has no such bit. */
function emitShifted(out: CodeBuilder, index: number, data: readonly number[]): void {
  out.getLocal(data[0] as number);
  for (const [i, local] of data.entries()) {
    if (i === 0) continue;
    const before = out.addLocal('i32');
    out.setLocal(before);
    out
      .getLocal(local)
      .getLocal(before)
      .getLocal(index)
      .i32(32 * i)
      .op('i32.ge_u')
      .op('select');
  }
  out.getLocal(index).op('i32.shl');
}
