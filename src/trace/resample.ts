/**
 * What inherited values are for another packet: read off the machine at the moment at which the parent's recording did
 * so.
 */

import type { Value } from '../ir/index.js';
import { headroom, helperId } from '../platform/index.js';
import type { Machine } from '../vm/index.js';
import { ProgArrayMap } from '../vm/maps/index.js';
import { TraceAbort } from './aborts.js';
import type { RecordedValues } from './recorded-values.js';

/** What memory holds now, at a guest address. Gives up where there is none. */
export function peek(machine: Machine, address: number, size: number): bigint {
  const { memory } = machine;
  // What maps keep for themselves is closed to programs, not to a trace that follows a walk.
  if (!memory.canRead(address, size) && memory.regionOf(address)?.kind !== 'map') throw new TraceAbort('trap', 'fault');
  switch (size) {
    case 1:
      return BigInt(memory.load8(address));
    case 2:
      return BigInt(memory.load16(address));
    case 4:
      return BigInt(memory.load32(address));
    default:
      return memory.load64(address);
  }
}

/** True if the value is what a call returns: seen when the next instruction begins. */
export function isResult(value: Value): boolean {
  return (
    value.op === 'call' ||
    value.op === 'lookup' ||
    (value.op === 'env' && Number(value.imm) !== helperId.get_smp_processor_id)
  );
}

/** What a value that was read is now, given the samples of those before it; `r0` for the result of a call. */
export function resample(machine: Machine, values: RecordedValues, value: Value, r0: bigint): bigint {
  const { op, detail, args, imm } = value;
  if (isResult(value)) return r0;
  // It was read before the first instruction.
  if (op === 'len') return values.sample(value);
  if (op === 'metalen') return values.arrivedMeta;
  if (op === 'env') return BigInt(machine.lane.cpu);
  if (op === 'ctx') return BigInt(machine.memory.load32(machine.lane.ctx.start + Number(imm)));
  if (op === 'slot' && detail?.kind === 'slot') {
    const map = machine.maps[detail.map];
    if (map instanceof ProgArrayMap) return BigInt(map.programAt(Number(values.sample(args[0] as Value))));
  }
  if (detail?.kind === 'memory' || detail?.kind === 'atomic') {
    const start = detail.space === 'packet' ? BigInt(machine.lane.packet.region.start + headroom) : 0n;
    const address = BigInt.asUintN(64, values.sample(args[0] as Value) + imm + start);
    return peek(machine, Number(address), detail.size);
  }
  throw new TraceAbort('desync', `no sample of ${op}`);
}
