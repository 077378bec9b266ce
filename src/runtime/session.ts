/**
 * One run over a stream of packets: the runtime, the checker beside it if asked for, the clock, the CPUs, and control-plane changes between packets.
 * Everything that `jitnic run`, `trace`, `demo` and the corpus have in common.
 */
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type VerdictName, verdictName } from '../platform/index.js';
import type { PacketInput } from '../vm/index.js';
import { loadMaps, type MapsFile } from '../vm/map-json.js';
import { applyMapChange, type MapChange, ScriptClock } from '../vm/map-script.js';
import { Checker, type Difference } from './check.js';
import { type PacketResult, Runtime, type RuntimeOptions } from './runtime.js';

/** What bpf_ktime_get_ns sees: the capture's time stamps, one moment, or steps from packet to packet. Nanoseconds. */
export type Clock =
  | { readonly kind: 'capture' }
  | { readonly kind: 'fixed'; readonly ns: bigint }
  | { readonly kind: 'step'; readonly ns: bigint };

export interface SessionOptions extends RuntimeOptions {
  /** Run everything on the plain interpreter too, and compare. */
  readonly check?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly ingressIfindex?: number | undefined;
  readonly egressIfindex?: number | undefined;
  /** Contents of maps before the first packet. */
  readonly maps?: { readonly contents: MapsFile; readonly file?: string | undefined } | undefined;
  readonly script?: { readonly changes: readonly MapChange[]; readonly file?: string | undefined } | undefined;
}

/** A packet as it arrives. */
export interface Arrival {
  readonly data: Uint8Array;
  /** Nanoseconds. */
  readonly time: bigint;
}

export class Session {
  readonly runtime: Runtime;
  readonly program: ProgramSpec;
  readonly verdicts: Record<VerdictName, number> = { ABORTED: 0, DROP: 0, PASS: 0, TX: 0, REDIRECT: 0 };
  difference: Difference | undefined;
  private readonly checker: Checker | undefined;
  private readonly clock: Clock;
  private readonly options: SessionOptions;
  private readonly script: ScriptClock | undefined;
  private start: bigint | undefined;

  constructor(object: ObjectSpec, program: ProgramSpec, options: SessionOptions = {}) {
    this.options = options;
    this.program = program;
    this.runtime = new Runtime(object, program, options);
    this.checker = options.check === true ? new Checker(this.runtime, options) : undefined;
    this.clock = options.clock ?? { kind: 'capture' };
    this.script = options.script === undefined ? undefined : new ScriptClock(options.script.changes);
    if (options.maps !== undefined) {
      for (const machine of this.machines()) loadMaps(machine, options.maps.contents, options.maps.file);
    }
  }

  /** True if the plain interpreter runs beside. */
  get checked(): boolean {
    return this.checker !== undefined;
  }

  /** Runs one packet. After a difference, `difference` is set and no more packets should be run. */
  run(arrival: Arrival): PacketResult {
    const number = this.runtime.packets + 1;
    this.start ??= arrival.time;
    if (this.script !== undefined) {
      for (const change of this.script.due(number, arrival.time - this.start)) {
        for (const machine of this.machines()) applyMapChange(machine, change, this.options.script?.file);
      }
    }
    const { cpus = 1 } = this.options;
    const input: PacketInput = {
      data: arrival.data,
      now: this.now(arrival.time, number),
      cpu: cpus > 1 ? flowHash(arrival.data) % cpus : 0,
      ingressIfindex: this.options.ingressIfindex ?? 1,
      egressIfindex: this.options.egressIfindex ?? (this.program.attach === 'xdp_devmap' ? 2 : 0),
      frags: this.program.frags,
    };
    let result: PacketResult;
    if (this.checker === undefined) result = this.runtime.run(input);
    else {
      const checked = this.checker.run(input);
      result = checked.result;
      this.difference ??= checked.difference;
    }
    this.verdicts[verdictName(result.verdict)]++;
    return result;
  }

  /** Call it after the last packet: compares what is left. */
  finish(): Difference | undefined {
    this.difference ??= this.checker?.finish();
    return this.difference;
  }

  private *machines(): Generator<Runtime['machine']> {
    yield this.runtime.machine;
    if (this.checker !== undefined) yield this.checker.machine;
  }

  private now(time: bigint, number: number): bigint {
    switch (this.clock.kind) {
      case 'capture':
        return time;
      case 'fixed':
        return this.clock.ns;
      case 'step':
        return this.clock.ns * BigInt(number);
    }
  }
}

/** Spreads flows over CPUs as receive-side scaling does: a hash (FNV-1a) over addresses and ports. */
function flowHash(data: Uint8Array): number {
  const isV6 = data[12] === 0x86 && data[13] === 0xdd;
  const from = isV6 ? 22 : 26;
  const to = Math.min(isV6 ? 58 : 38, data.length);
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (data[i] as number), 0x01000193);
  return hash >>> 0;
}
