/**
 * The context of compiled code is the packet's record: fields are read from it, and helpers that are compiled change
 * it there. The context in guest memory is written for those who look there: helpers in JavaScript, just before they
 * are called.
 */
import { xdpMd } from '../platform/index.js';
import { packetState, privateState, record } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import type { Demands } from './demands.js';
import { exchange } from './exchange.js';
import type { Services } from './services.js';

/** Locals for what a packet was at arrival, where the record tells only what became of it. */
export interface Arrival {
  readonly data: number;
  /** Undefined: the record still says it. */
  readonly dataEnd: number | undefined;
  readonly dataMeta: number | undefined;
}

/** Reads the packet's ends from the record whose address is in local `at`. */
export function emitArrival(out: CodeBuilder, at: number, demands: Demands): Arrival {
  const read = (field: number): number => {
    const local = out.addLocal('i32');
    out.getLocal(at).memory('i32.load', field).setLocal(local);
    return local;
  };
  const data = read(record.data);
  if (!demands.movesPacket) return { data, dataEnd: undefined, dataMeta: undefined };
  return { data, dataEnd: read(record.dataEnd), dataMeta: read(record.dataMeta) };
}

/** What a packet finds: `setPacket` of the machine, as far as these programs can tell. */
export function emitPrologue(out: CodeBuilder, services: Services, at: number, demands: Demands): void {
  const { machine } = services;
  if (machine.cpus > 1) {
    out.i32(services.exchange + exchange.cpu);
    out.getLocal(at).memory('i32.load', record.cpu).memory('i32.store');
  }
  if (demands.needsContext) emitContext(out, services, at);
  if (services.isChecked) out.i32(machine.lane.state).i64(0n).memory('i64.store', privateState.lock);
  if (demands.redirects) out.getLocal(at).i32(0).memory('i32.store', record.redirect);
  if (demands.redirects && services.isChecked) {
    out.i32(machine.lane.state).i32(0).memory('i32.store', privateState.redirectKind);
  }
}

/** Helpers of checked programs are all in JavaScript: what they left goes to the record. */
export function emitEpilogue(out: CodeBuilder, services: Services, at: number, demands: Demands): void {
  if (!services.isChecked) return;
  if (demands.movesPacket) emitEndsBack(out, services, at);
  if (demands.redirects) emitRedirectBack(out, services, at);
}

/**
 * Runs what the last tail call named, and what that one names in turn, until a program ends by itself; its r0 goes to
 * local `r0`. Each finds the packet where the one before left it.
 */
export function emitTargets(out: CodeBuilder, services: Services, at: number, r0: number): void {
  const { module, tailTarget } = services;
  const target = out.addLocal('i32');
  out.loop().getGlobal(tailTarget).teeLocal(target).if();
  emitEpilogue(out, services, at, services.demands);
  out.i32(0).setGlobal(tailTarget);
  out.getLocal(at).getLocal(target).i32(1).op('i32.sub');
  out.callIndirect(module.type(['i32'], ['i64'])).setLocal(r0);
  out.br(1).end().end();
}

/** Context and frame in guest memory become those of the record. */
export function emitContext(out: CodeBuilder, { machine }: Services, at: number): void {
  for (let field = 0; field < xdpMd.size; field += 8) {
    out.i32(machine.lane.ctx.start).getLocal(at).memory('i64.load', field).memory('i64.store', field);
  }
  const frame = machine.lane.state + privateState.packet;
  out.i32(frame).getLocal(at).memory('i32.load', record.frameStart).memory('i32.store', packetState.frameStart);
  out.i32(frame).getLocal(at).memory('i32.load', record.frameSize).memory('i32.store', packetState.frameSize);
}

/** The packet's ends as the helper left them in the context, to the record. */
function emitEndsBack(out: CodeBuilder, { machine }: Services, at: number): void {
  out.getLocal(at).i32(machine.lane.ctx.start).memory('i64.load', xdpMd.data).memory('i64.store', record.data);
  out.getLocal(at).i32(machine.lane.ctx.start).memory('i32.load', xdpMd.dataMeta).memory('i32.store', record.dataMeta);
}

/** The target that the helper noted in the machine's state, to the record. */
function emitRedirectBack(out: CodeBuilder, { machine }: Services, at: number): void {
  for (let field = 0; field < 16; field += 8) {
    out.getLocal(at).i32(machine.lane.state);
    out.memory('i64.load', privateState.redirectKind + field).memory('i64.store', record.redirect + field);
  }
}

/** What has changed when the helper returns. */
export type HostEffect = 'ends' | 'redirect' | undefined;

/**
 * (helper, program, pc, record): `host` with the context in place; then what the helper changed goes to the record.
 */
export function defineHostCall(services: Services, host: number, effect: HostEffect): number {
  const { module } = services;
  const index = module.declareFunction(`call_${effect ?? 'plain'}`, ['i32', 'i32', 'i32', 'i32'], []);
  const out = module.bodyOf(index);
  const at = 3;
  emitContext(out, services, at);
  out.getLocal(0).getLocal(1).getLocal(2).getLocal(at).call(host);
  if (effect === 'ends') emitEndsBack(out, services, at);
  if (effect === 'redirect') emitRedirectBack(out, services, at);
  module.define(index, out);
  return index;
}
