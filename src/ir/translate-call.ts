/** Calls of helpers, as they are written; a look-up in a known map is an operation of its own. */
import { liveSlots } from '../code/index.js';
import { type Insn, op } from '../isa/index.js';
import type { MapSpec } from '../object/index.js';
import { helperId, helperNames, kfuncName, kfuncRow, registersRead, stepName } from '../platform/index.js';
import { mapOf, resultOnesOf } from './call-effects.js';
import { Unsupported } from './flow.js';
import type { Translation } from './translation.js';
import { type Detail, mask32, type Value } from './value.js';
import type { WorldMap } from './world.js';

/** What r0 holds after the call of `id` with r1 to r5. */
export function translateCall(t: Translation, id: number, pc: number): Value {
  const name = helperNames[id] ?? kfuncName(id);
  if (name === undefined) throw new Unsupported(`helper ${id} is not known`, pc);
  const args = [1, 2, 3, 4, 5].slice(0, t.trusted ? registersRead(id) : 5).map((register) => t.read(register));
  const map = t.trusted && id === helperId.map_lookup_elem ? knownMap(t, pc, 1) : undefined;
  if (map !== undefined) return t.pin('lookup', args.slice(1, 2), 0n, lookupDetail(map.index, map.spec), mask32);
  const detail: Detail = { kind: 'call', helper: id, name, pieces: [], visible: true };
  return t.pin('call', args, 0n, detail, t.trusted ? resultOnesOf(id) : undefined);
}

/** `helper` of calls of one of the program's functions, by its slot, and of kernel functions, by their index. */
export const firstFunctionCall = 0x4000_0000;
/** See {@link firstFunctionCall}. */
export const firstKfuncCall = 0x2000_0000;

/** What r0 holds after a call that is no helper's: nobody knows what it does. */
export function translateOwnCall(t: Translation, { src, imm }: Insn, pc: number): Value {
  const isLocal = src === op.CALL_LOCAL;
  const slot = pc + 1 + imm;
  const kfunc = t.program.spec.kfuncs[imm]?.name ?? '';
  const count = kfuncRow(kfunc)?.args.length;
  if (!isLocal && count === undefined) throw new Unsupported(`kfunc \`${kfunc}\` is not known`, pc);
  const live = liveSlots(t.insns);
  const read = [1, 2, 3, 4, 5].filter((r) => (isLocal ? live.isLive(slot, r) : r <= (count ?? 0)));
  // Arguments stand in order; those that nobody reads at the end are left out.
  const args = [1, 2, 3, 4, 5].slice(0, Math.max(0, ...read)).map((r) => (read.includes(r) ? t.read(r) : t.zero));
  const id = isLocal ? firstFunctionCall + slot : firstKfuncCall + imm;
  const detail: Detail = { kind: 'call', helper: id, name: isLocal ? 'function' : kfunc, pieces: [], visible: true };
  return t.pin('call', args, 0n, detail);
}

/** What a step that is no helper of Linux answers: see platform/engine-helpers.ts. */
export function translateStepCall(t: Translation, id: number, args: readonly Value[], pc: number): Value {
  t.graph.origin = { program: t.program.index, pc };
  const name = stepName(id) ?? '';
  const detail: Detail = { kind: 'call', helper: id, name, pieces: [], visible: true };
  return t.pin('call', args, 0n, detail, resultOnesOf(id));
}

/** A look-up whose key is in memory, at its argument. */
export function lookupDetail(map: number, { type }: MapSpec): Detail {
  const marks = type === 'lru_hash' || type === 'lru_percpu_hash';
  return { kind: 'lookup', map, pieces: [], marks };
}

/** The map whose handle is in register `r`, if that is known. */
export function knownMap(t: Translation, pc: number, r: number): WorldMap | undefined {
  const index = t.trusted ? t.facts.mapOf(pc, r) : -1;
  return mapOf(t.world, t.register(r)) ?? t.world.maps[index];
}
