/** Helpers as functions of the module; each is what its namesake in src/vm/helpers and src/vm does. */
import { errno, XDP_REDIRECT } from '../platform/index.js';
import { type MapLayout, privateState, record } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import type { Services } from './services.js';

/** (record, key, action of a miss) -> action. */
export function defineRedirectMap(
  { module, machine }: Services,
  map: number,
  layout: MapLayout & { readonly kind: 'redirect' },
): number {
  const index = module.declareFunction(`redirect_map_${map}`, ['i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const [at, key, miss] = [0, 1, 2];
  const entries = machine.maps[map]?.spec.maxEntries ?? 0;
  out.getLocal(key).i32(entries).op('i32.lt_u').if();
  out
    .getLocal(key)
    .i32(3)
    .op('i32.shl')
    .memory('i32.load', layout.base + layout.present)
    .if();
  // Kind 2, the map; key, no flags.
  out
    .getLocal(at)
    .i64(2n | (BigInt(map) << 32n))
    .memory('i64.store', record.redirect);
  out
    .getLocal(at)
    .getLocal(key)
    .op('i64.extend_i32_u')
    .memory('i64.store', record.redirect + 8);
  out.i32(XDP_REDIRECT).op('return').end().end();
  out.getLocal(at).i32(0).memory('i32.store', record.redirect);
  out.getLocal(miss);
  module.define(index, out);
  return index;
}

/** xoroshiro64**; see environment-helpers.ts. */
export function definePrandom({ module, machine }: Services): number {
  const index = module.declareFunction('prandom', [], ['i32']);
  const out = module.bodyOf(index);
  const at = machine.lane.state + privateState.random;
  const [s0, s1] = [out.addLocal('i32'), out.addLocal('i32')];
  out.i32(at).memory('i32.load').setLocal(s0);
  out.i32(at).memory('i32.load', 4).getLocal(s0).op('i32.xor').setLocal(s1);
  out.i32(at).getLocal(s0).i32(26).op('i32.rotl').getLocal(s1).op('i32.xor');
  out.getLocal(s1).i32(9).op('i32.shl').op('i32.xor').memory('i32.store');
  out.i32(at).getLocal(s1).i32(13).op('i32.rotl').memory('i32.store', 4);
  out.getLocal(s0).i32(0x9e3779bb).op('i32.mul').i32(5).op('i32.rotl').i32(5).op('i32.mul');
  module.define(index, out);
  return index;
}

/** (from, bytes, to, bytes, seed) -> folded difference, or an error number; see checksum-helpers.ts. */
export function defineCsumDiff({ module }: Services): number {
  const partial = definePartial(module);
  const index = module.declareFunction('csum_diff', ['i32', 'i32', 'i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const sum = out.addLocal('i32');
  const add = (pushA: () => void, pushB: () => void): void => {
    pushA();
    out.op('i64.extend_i32_u');
    pushB();
    out.op('i64.extend_i32_u').op('i64.add');
    fold32(out, out.addLocal('i64'));
  };
  const invert = (): void => {
    out.i32(-1).op('i32.xor');
  };
  const part = (address: number, pushSeed: () => void): void => {
    out.getLocal(address).getLocal(address + 1);
    pushSeed();
    out.call(partial);
  };
  out.getLocal(1).getLocal(3).op('i32.or').i32(3).op('i32.and').if().i32(-errno.EINVAL).op('return').end();
  out.getLocal(4).setLocal(sum);
  out.getLocal(3).if();
  part(2, () => out.getLocal(4));
  out.setLocal(sum);
  out.getLocal(1).if();
  add(
    () => out.getLocal(sum),
    () => {
      part(0, () => out.i32(0));
      invert();
    },
  );
  out.setLocal(sum).end();
  out.else().getLocal(1).if();
  part(0, () => {
    out.getLocal(4);
    invert();
  });
  invert();
  out.setLocal(sum).end().end();
  for (let i = 0; i < 2; i++) {
    out.getLocal(sum).i32(0xffff).op('i32.and').getLocal(sum).i32(16).op('i32.shr_u').op('i32.add').setLocal(sum);
  }
  out.getLocal(sum);
  module.define(index, out);
  return index;
}

/** Folds the i64 on the stack to 32 bits, ones' complement. */
function fold32(out: CodeBuilder, scratch: number): void {
  for (let i = 0; i < 2; i++) {
    out.setLocal(scratch);
    out.getLocal(scratch).i64(0xffff_ffffn).op('i64.and').getLocal(scratch).i64(32n).op('i64.shr_u').op('i64.add');
  }
  out.op('i32.wrap_i64');
}

/** csum_partial: (address, bytes, seed) -> ones' complement sum. */
function definePartial(module: Services['module']): number {
  const index = module.declareFunction('csum_partial', ['i32', 'i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const total = out.addLocal('i64');
  const end = out.addLocal('i32');
  out.getLocal(2).op('i64.extend_i32_u').setLocal(total);
  out.getLocal(0).getLocal(1).op('i32.add').setLocal(end);
  out.block().loop();
  out.getLocal(0).getLocal(end).op('i32.ge_u').brIf(1);
  out.getLocal(total).getLocal(0).memory('i64.load32_u').op('i64.add').setLocal(total);
  out.getLocal(0).i32(4).op('i32.add').setLocal(0).br(0);
  out.end().end();
  out.getLocal(total);
  fold32(out, total);
  module.define(index, out);
  return index;
}
