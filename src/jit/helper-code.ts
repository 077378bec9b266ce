/** Helpers as functions of the module; each is what its namesake in src/vm/helpers and src/vm does. */
import { errno, XDP_REDIRECT, xdpMd } from '../platform/index.js';
import { type MapLayout, packetState, privateState } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import type { Services } from './services.js';

/** (key, action of a miss) -> action. */
export function defineRedirectMap(
  { module, machine }: Services,
  map: number,
  layout: MapLayout & { readonly kind: 'redirect' },
): number {
  const index = module.declareFunction(`redirect_map_${map}`, ['i32', 'i32'], ['i32']);
  const out = module.bodyOf(index);
  const { state } = machine;
  const entries = machine.maps[map]?.spec.maxEntries ?? 0;
  const set = (at: number, push: () => void): void => {
    out.i32(state + at);
    push();
    out.memory('i32.store');
  };
  out.getLocal(0).i32(entries).op('i32.lt_u').if();
  out
    .getLocal(0)
    .i32(3)
    .op('i32.shl')
    .memory('i32.load', layout.base + layout.present)
    .if();
  set(privateState.redirectKind, () => out.i32(2));
  set(privateState.redirectTarget, () => out.i32(map));
  set(privateState.redirectKey, () => out.getLocal(0));
  set(privateState.redirectFlags, () => out.i32(0));
  out.i32(XDP_REDIRECT).op('return').end().end();
  set(privateState.redirectKind, () => out.i32(0));
  out.getLocal(1);
  module.define(index, out);
  return index;
}

/** xoroshiro64**; see environment-helpers.ts. */
export function definePrandom({ module, machine }: Services): number {
  const index = module.declareFunction('prandom', [], ['i32']);
  const out = module.bodyOf(index);
  const at = machine.state + privateState.random;
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

/** Smallest packet, and what a redirect needs at the start of the frame; see packet-buffer.ts. */
const ethHeader = 14;
const xdpFrameSize = 40;

/** (delta) -> 0 or an error number; see PacketBuffer.adjustHead. */
export function defineAdjustHead({ module, machine }: Services): number {
  const index = module.declareFunction('adjust_head', ['i32'], ['i32']);
  const out = module.bodyOf(index);
  const ctx = machine.ctx.start;
  const [data, meta, next, size] = [out.addLocal('i32'), out.addLocal('i32'), out.addLocal('i32'), out.addLocal('i32')];
  const frameStart = machine.state + privateState.packet + packetState.frameStart;
  out.i32(ctx).memory('i32.load', xdpMd.data).setLocal(data);
  out.i32(ctx).memory('i32.load', xdpMd.dataMeta).setLocal(meta);
  out.getLocal(data).getLocal(0).op('i32.add').setLocal(next);
  out.getLocal(data).getLocal(meta).op('i32.sub').setLocal(size);
  // Signed: a wild delta must not wrap into the frame. Addresses of packets lie below 2 GiB or are not moved here.
  out.getLocal(next).op('i64.extend_i32_u');
  out.getLocal(data).op('i64.extend_i32_u').getLocal(0).op('i64.extend_i32_s').op('i64.add').op('i64.ne');
  out.getLocal(next).i32(frameStart).memory('i32.load').i32(xdpFrameSize).op('i32.add').getLocal(size).op('i32.add');
  out.op('i32.lt_u').op('i32.or');
  out
    .getLocal(next)
    .i32(ctx)
    .memory('i32.load', xdpMd.dataEnd)
    .i32(ethHeader)
    .op('i32.sub')
    .op('i32.gt_u')
    .op('i32.or');
  out.if().i32(-errno.EINVAL).op('return').end();
  out.getLocal(size).if();
  out.getLocal(meta).getLocal(0).op('i32.add').getLocal(meta).getLocal(size).memoryCopy().end();
  out.i32(ctx).getLocal(next).memory('i32.store', xdpMd.data);
  out.i32(ctx).getLocal(next).getLocal(size).op('i32.sub').memory('i32.store', xdpMd.dataMeta);
  out.i32(0);
  module.define(index, out);
  return index;
}
