/** Look-ups, updates and deletions, queues, and what is done with a value that was found. */

import { op } from '../../isa/index.js';
import { fp, keyedMaps, sizes, stackBytes } from './conventions.js';
import type { Generator } from './generate.js';
import { fuzzMap, fuzzMaps } from './maps.js';
import { scalar, TypeState } from './type-state.js';

/** A look-up, update or deletion in one of the keyed maps, with what may be done with a value. */
export function mapCall(g: Generator): void {
  if (!g.canCall()) return;
  const { out, random, state } = g;
  const index = fuzzMap(random.pick(keyedMaps));
  const map = fuzzMaps[index];
  if (map === undefined) return;
  const keyAt = 8 * (1 + random.below(3));
  putKey(g, keyAt, map.keySize, map.type === 'lpm_trie');
  const kind = random.below(10);
  if (kind < 2) {
    // update from initialised stack, or delete
    const valueAt = stackBytes;
    if (!state.stackReadable(valueAt, Math.min(map.valueSize, 40)) || map.valueSize > 40) return;
    out.loadMap(1, index);
    g.pointToStack(2, keyAt);
    g.pointToStack(3, valueAt);
    out.movImm(4, map.type === 'lpm_trie' ? 0 : random.pick([0, 0, 1, 2]));
    out.callHelper('map_update_elem');
    state.clobber();
    state.set(0, scalar);
    return;
  }
  if (kind < 3) {
    out.loadMap(1, index);
    g.pointToStack(2, keyAt);
    out.callHelper('map_delete_elem');
    state.clobber();
    state.set(0, scalar);
    return;
  }
  out.loadMap(1, index);
  g.pointToStack(2, keyAt);
  out.callHelper('map_lookup_elem');
  withValue(g, index, map.valueSize);
}

/** After a look-up in map `index`: what is done with the value if there is one. */
export function withValue(g: Generator, index: number, valueSize: number): void {
  const { out, random, state } = g;
  state.clobber();
  const missing = out.label();
  out.jump(op.JMP | op.JEQ | op.K, missing, 0, 0, 0);
  const before = new TypeState(state);
  before.set(0, scalar);
  g.state.set(0, { kind: 'map value', map: index, size: valueSize });
  if (random.chance(0.3) && g.loopDepth === 0) {
    const keep = g.random.pick([8, 9]);
    if (!g.reserved.has(keep)) {
      out.mov(keep, 0);
      g.state.set(keep, g.state.get(0));
    }
  }
  if (random.chance(0.3)) variableMapAccess(g, valueSize);
  g.block(1 + random.below(4));
  out.bind(missing);
  g.state.meet(before);
}

/** value + (x & mask), within the value. */
export function variableMapAccess(g: Generator, valueSize: number): void {
  const { out, random, state } = g;
  const size = random.pick(sizes.filter((s) => s.bytes * 2 <= valueSize));
  const mask = 2 ** Math.floor(Math.log2(valueSize - size.bytes + 1)) - 1;
  const index = g.changeable();
  if (index === 0) return;
  out.emit(op.ALU64 | op.AND | op.K, index, 0, 0, mask);
  state.set(index, { kind: 'scalar', max: mask });
  const pointer = [1, 2, 3, 4, 5].find((r) => r !== index && !g.reserved.has(r));
  if (pointer === undefined) return;
  out.mov(pointer, 0);
  out.emit(op.ALU64 | op.ADD | op.X, pointer, index);
  if (random.chance(0.5)) out.emit(op.LDX | op.MODE_MEM | size.code, pointer, pointer, 0);
  else {
    out.emit(op.STX | op.MODE_MEM | size.code, pointer, index, 0);
    out.movImm(pointer, 0);
  }
  state.set(pointer, scalar);
}

/** Push, pop or peek. */
export function queueCall(g: Generator): void {
  if (!g.canCall()) return;
  const { out, random, state } = g;
  const index = fuzzMap(random.pick(['queue', 'stack']));
  const valueAt = random.pick([16, 32, 48]);
  if (!state.stackReadable(valueAt, 16)) return;
  out.loadMap(1, index);
  g.pointToStack(2, valueAt);
  const helper = random.pick(['map_push_elem', 'map_pop_elem', 'map_peek_elem'] as const);
  if (helper === 'map_push_elem') out.movImm(3, random.pick([0, 2]));
  out.callHelper(helper);
  state.clobber();
  state.set(0, scalar);
}

/** bpf_csum_diff over bytes of the stack. */
export function csumDiff(g: Generator): void {
  if (!g.canCall()) return;
  const { out, random, state } = g;
  if (!state.stackReadable(stackBytes, 32)) return;
  const seed = random.pick(g.scalars());
  out.mov(5, seed);
  const from = random.pick([0, 4, 8, 16]);
  const to = random.pick([4, 8, 20]);
  if (from === 0) out.movImm(1, 0);
  else g.pointToStack(1, stackBytes);
  out.movImm(2, from);
  g.pointToStack(3, stackBytes - 8);
  out.movImm(4, to);
  out.callHelper('csum_diff');
  state.clobber();
  state.set(0, scalar);
}

/** A small number as key bytes at r10 - distance. */
export function putKey(g: Generator, distance: number, keySize: number, trie: boolean): void {
  const { out, random, state } = g;
  let at = distance;
  if (trie) {
    out.emit(op.ST | op.MODE_MEM | op.SIZE_W, fp, 0, -at, random.below(34));
    state.writeStack(at, 4);
    at -= 4;
    keySize -= 4;
  }
  if (random.chance(0.5)) {
    const reg = g.changeable();
    out.emit(op.ALU64 | op.AND | op.K, reg, 0, 0, 7);
    state.set(reg, { kind: 'scalar', max: 7 });
    out.emit(op.STX | op.MODE_MEM | (keySize === 8 ? op.SIZE_DW : op.SIZE_W), fp, reg, -at);
  } else {
    out.emit(op.ST | op.MODE_MEM | (keySize === 8 ? op.SIZE_DW : op.SIZE_W), fp, 0, -at, random.below(8));
  }
  state.writeStack(at, keySize);
}
