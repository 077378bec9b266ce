/**
 * Was there an order of the packets in which one machine, running them one after the other, would have done the same?
 * The witness is given the order in which the sides say that packets were decided, runs each packet at that moment on
 * a machine of its own, and compares what can be seen: verdict, bytes, redirect, outputs; in the end the maps. It
 * holds the order itself against what is promised: that of arrival within each flow, and that nothing was decided
 * before it came or after it was done.
 */
import type { ObjectSpec } from '../object/index.js';
import { verdictName } from '../platform/index.js';
import type { BpfMap, Machine, MachineOptions, PacketInput } from '../vm/index.js';
import { isSameValue, type Side, type Value } from './element.js';
import { dumpMap, elementOf, noKey } from './elements.js';
import { type ControlAct, controlAct, type Decision, interpreterEngine, Replica, type TwoSides } from './two-sides.js';

/** What is wrong, and where: `packet 5 on the card`. */
export interface WitnessFault {
  readonly where: string;
  readonly what: string;
  readonly found: string;
  readonly expected: string;
}

/** It in one line. */
export function faultText({ where, what, found, expected }: WitnessFault): string {
  return `${where}, ${what}: ${found} and not ${expected}`;
}

/** One machine, in the order of decisions. */
export class Witness {
  private readonly replica: Replica;
  private readonly lastOfFlow = new Map<number, number>();

  constructor(object: ObjectSpec, program: number, options: MachineOptions, fill?: (machine: Machine) => void) {
    this.replica = new Replica(interpreterEngine(object, program, options), options.seed);
    fill?.(this.replica.machine);
  }

  /** The next packet in the order of decisions. What is wrong with it; undefined: nothing. */
  packet(packet: PacketInput, side: Side, number: number, flow: number, decision: Decision): WitnessFault | undefined {
    const last = this.lastOfFlow.get(flow);
    this.lastOfFlow.set(flow, number);
    const where = `packet ${number} on the ${side}`;
    if (last !== undefined && last > number)
      return { where, what: `order in flow ${flow}`, found: `after packet ${last}`, expected: 'before it' };
    const expected = this.replica.run(packet, side, number);
    if (expected === undefined) return { where, what: 'run', found: 'one', expected: 'none' };
    const difference = differenceOf(decision, expected);
    return difference && { where, ...difference };
  }

  /** The next act of the control plane. */
  control(act: ControlAct, number: number, found: Value): WitnessFault | undefined {
    const expected = controlAct(this.replica.machine, act);
    if (isSameValue(found, expected)) return undefined;
    const where = `act ${number} of the control plane`;
    return { where, what: 'value', found: hex(found), expected: hex(expected) };
  }

  /** Nothing is under way any more: are the maps the same? */
  maps(sides: TwoSides): WitnessFault | undefined {
    for (const map of this.replica.machine.maps) {
      const difference = this.mapDifference(map, sides);
      if (difference !== undefined) return { where: `map \`${map.spec.name}\` in the end`, ...difference };
    }
    return undefined;
  }

  private mapDifference(map: BpfMap, sides: TwoSides): Mismatch | undefined {
    const { grain, protocol } = sides.table.shared[map.index] ?? {};
    if (protocol !== undefined && grain === 'map')
      return mismatch('contents', sides.valueAt(map.index, noKey), dumpMap(map));
    const keys = sides.keysOf(map.index);
    for (const { key } of map.entries()) keys.set(key.join(), key);
    for (const key of keys.values()) {
      const found = mismatch(`key ${hex(key)}`, sides.valueAt(map.index, key), elementOf(map, key));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

type Mismatch = Omit<WitnessFault, 'where'>;

function mismatch(what: string, found: Value, expected: Value): Mismatch | undefined {
  return isSameValue(found, expected) ? undefined : { what, found: hex(found), expected: hex(expected) };
}

/** What is different about a packet; undefined: nothing. */
function differenceOf(found: Decision, expected: Decision): Mismatch | undefined {
  if (found.verdict !== expected.verdict)
    return { what: 'verdict', found: verdictName(found.verdict), expected: verdictName(expected.verdict) };
  return (
    mismatch('bytes', found.bytes, expected.bytes) ??
    otherWords('redirect target', found.redirect, expected.redirect) ??
    otherWords('records', found.outputs, expected.outputs)
  );
}

function otherWords(what: string, found: unknown, expected: unknown): Mismatch | undefined {
  return said(found) === said(expected) ? undefined : { what, found: said(found), expected: said(expected) };
}

function said(what: unknown): string {
  return JSON.stringify(what, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)) ?? '';
}

function hex(bytes: Value): string {
  return bytes === undefined ? 'nothing' : [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
