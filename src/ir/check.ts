/** The IR checker: what has to hold between phases. A failure is our bug. */
import { InternalError } from '../base/index.js';
import { isCompare, opTable } from './ops.js';
import { isPacketAccess, noPtr, type TraceCode } from './trace.js';
import type { Value } from './value.js';

/** Throws InternalError, naming `phase`, when the trace is malformed. */
export function checkTrace(code: TraceCode, phase: string): void {
  const seen = new Uint8Array((code.values.at(-1)?.id ?? 0) + 1);
  const fail = (value: Value, what: string): never => {
    throw new InternalError(phase, `v${value.id} (${value.op}): ${what}`);
  };
  let last = -1;
  for (const value of code.values) {
    const row = opTable[value.op];
    if (value.id <= last) fail(value, 'out of order');
    last = value.id;
    if (row.arity >= 0 && value.args.length !== row.arity)
      fail(value, `has ${value.args.length} arguments, not ${row.arity}`);
    for (const arg of value.args) {
      if (seen[arg.id] !== 1) fail(value, `uses v${arg.id} before it is defined`);
      if (opTable[arg.op].width === 0) fail(value, `uses v${arg.id}, which has no result`);
      if (value.early && !arg.early) fail(value, `is early but v${arg.id} is not`);
    }
    if (value.op === 'guard' && !isCompare(value.args[0]?.op ?? 'const')) fail(value, 'does not guard a comparison');
    if (isPacketAccess(value) && value.args[0]?.op !== 'ptr') fail(value, noPtr);
    seen[value.id] = 1;
  }
  const end = code.values.at(-1);
  if (end?.op !== 'ret') throw new InternalError(phase, 'a trace must end with ret');
  if (code.values.filter((value) => value.op === 'ret').length !== 1) fail(end, 'is not the only one');
}
