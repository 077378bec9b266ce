/**
 * What inherited values are for another packet: read off the machine at the moment at which the parent's recording did
 * so.
 */

import type { Value } from '../ir/index.js';
import { peekAt } from '../jit/index.js';
import type { Location } from '../object/index.js';
import { helperId, probeStep } from '../platform/index.js';
import { type Machine, probe } from '../vm/index.js';
import { ProgArrayMap } from '../vm/maps/index.js';
import { TraceAbort } from './aborts.js';
import type { RecordedValues } from './recorded-values.js';

/** What a register's value points to now. Gives up where there is nothing. */
export function peek(machine: Machine, pointer: bigint, size: number): bigint {
  const value = machine.memory.peek(pointer, size);
  if (value === undefined) throw new TraceAbort('trap', 'fault');
  return value;
}

/**
 * The same of a load that a join makes for packets of either side: for those of the other one there may be nothing,
 * and then it does not matter what it gives.
 */
export function sampleOf(machine: Machine, pointer: bigint, size: number): bigint {
  return machine.memory.peek(pointer, size) ?? 0n;
}

/** What bytes of a map hold now. Gives up where there are none. */
export function valueAt(machine: Machine, at: Location, size: number): bigint {
  const value = peekAt(machine, at, size);
  if (value === undefined) throw new TraceAbort('trap', 'fault');
  return value;
}

/** True if the value is what a call returns: seen when the next instruction begins. */
export function isResult(value: Value): boolean {
  return (
    (value.op === 'call' && !isProbe(value)) ||
    value.op === 'lookup' ||
    (value.op === 'env' && Number(value.imm) !== helperId.get_smp_processor_id)
  );
}

function isProbe({ detail }: Value): boolean {
  return detail?.kind === 'call' && detail.helper === probeStep;
}

/** What a value that was read is now, given the samples of those before it; `r0` for the result of a call. */
export function resample(machine: Machine, values: RecordedValues, value: Value, r0: bigint): bigint {
  const { op, detail, args, imm } = value;
  if (isResult(value)) return r0;
  if (isProbe(value)) {
    const [address, size] = args.map((arg) => values.sample(arg)) as [bigint, bigint];
    return probe(machine, address, Number(size));
  }
  // It was read before the first instruction.
  if (op === 'len') return values.sample(value);
  if (op === 'metalen') return values.arrivedMeta;
  if (op === 'env') return BigInt(machine.lane.cpu);
  if (op === 'ctx') return BigInt(machine.lane.contextField(Number(imm)));
  if (op === 'slot' && detail?.kind === 'slot') {
    const map = machine.maps[detail.map];
    if (map instanceof ProgArrayMap) return BigInt(map.programAt(Number(values.sample(args[0] as Value))));
  }
  if (detail?.kind === 'memory' || detail?.kind === 'atomic') {
    return sampleOf(machine, BigInt.asUintN(64, values.sample(args[0] as Value) + imm), detail.size);
  }
  throw new TraceAbort('desync', `no sample of ${op}`);
}
