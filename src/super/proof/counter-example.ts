/** A case in which two versions differ, in a user's words: packet, context, maps, results of calls. */
import { evaluateTerm, type Model, type Term } from '../../solve/index.js';
import type { Obligation } from './calls.js';
import type { Side } from './side.js';
import type { Symbols } from './symbols.js';

/** What to run both versions on to see them differ. What is not named does not matter. */
export interface CounterExample {
  /** From `data` to `data_end`. */
  readonly packet: Uint8Array;
  /** Bytes of the context, by offset. */
  readonly context: ReadonlyMap<number, number>;
  /** Bytes of values of maps, by the map's position; offsets are from the first byte that was looked at. */
  readonly maps: readonly { readonly map: number; readonly offset: number; readonly byte: number }[];
  /**
   * Results of calls, by the name of the call and its number on the way; of a function, its arguments that are
   * numbers.
   */
  readonly calls: ReadonlyMap<string, bigint>;
}

/** Longest packet that is written out. */
const longest = 0x10000;

/** Reads a model; `what` names those of the obligations that do not hold in it. */
export function counterExample(
  symbols: Symbols,
  start: Side,
  finding: { readonly what: string; readonly obligations: readonly Obligation[] },
  model: Model,
): { readonly what: string; readonly example: CounterExample } {
  const broken = finding.obligations.filter(({ holds }) => evaluateTerm(holds, model) === 0n);
  const what = broken.length > 0 ? broken.map((obligation) => obligation.what).join(', ') : finding.what;
  const value = (term: Term): bigint => evaluateTerm(term, model);
  const { data, dataEnd } = start.geometry;
  const length = Number(BigInt.asUintN(64, value(dataEnd) - value(data)));
  const packet = new Uint8Array(length <= longest ? length : 0);
  for (const [at, byte] of model.arrays.get('packet') ?? []) {
    const offset = BigInt.asUintN(64, at - value(data));
    if (offset < BigInt(packet.length)) packet[Number(offset)] = Number(byte);
  }
  const context = new Map<number, number>();
  for (const [at, byte] of model.arrays.get('context') ?? [])
    context.set(Number(BigInt.asIntN(64, at - value(symbols.context))), Number(byte));
  const calls = new Map(
    [...model.values].filter(([name]) => /^((helper|function|kfunc) \S+|argument) \d+$/.test(name)),
  );
  return { what, example: { packet, context, maps: mapBytes(model), calls } };
}

/** Bytes of map values that the case depends on. */
function mapBytes(model: Model): CounterExample['maps'] {
  const found: { map: number; offset: number; byte: number }[] = [];
  for (const [name, bytes] of model.arrays) {
    const match = /^map (\d+)$/.exec(name);
    if (match === null) continue;
    const addresses = [...bytes.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const [first] = addresses;
    for (const at of addresses)
      found.push({ map: Number(match[1]), offset: Number(at - (first ?? 0n)), byte: Number(bytes.get(at) ?? 0n) });
  }
  return found;
}
