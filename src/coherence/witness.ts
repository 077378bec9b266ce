/**
 * Was there an order of the packets in which one machine, running them one after the other, would have done the same?
 * The witness is given the order in which the sides say that packets were decided, runs each packet at that moment on
 * a machine of its own, and compares what can be seen: verdict, bytes, redirect, outputs; in the end the maps. It
 * holds the order itself against what is promised: that of arrival within each flow, and that nothing was decided
 * before it came or after it was done.
 */
import type { ObjectSpec } from '../object/index.js';
import { isPercpuMap, verdictName } from '../platform/index.js';
import type { BpfMap, Machine, MachineOptions, PacketInput } from '../vm/index.js';
import { isSameValue, type Side, type Value } from './element.js';
import { dumpMap, noKey } from './elements.js';
import { type ControlAct, controlAct, type Decision, interpreterEngine, Replica, type TwoSides } from './two-sides.js';

/** One machine, in the order of decisions. */
export class Witness {
  private readonly replica: Replica;
  private readonly lastOfFlow = new Map<number, number>();

  constructor(object: ObjectSpec, program: number, options: MachineOptions, fill?: (machine: Machine) => void) {
    this.replica = new Replica(interpreterEngine(object, program, options), options.seed);
    fill?.(this.replica.machine);
  }

  /** The next packet in the order of decisions. What is wrong with it; undefined: nothing. */
  packet(packet: PacketInput, side: Side, number: number, flow: number, decision: Decision): string | undefined {
    const last = this.lastOfFlow.get(flow);
    this.lastOfFlow.set(flow, number);
    if (last !== undefined && last > number) return `packet ${number} of flow ${flow} is decided after ${last}`;
    const expected = this.replica.run(packet, side, number);
    const what = expected === undefined ? 'it did not run' : differenceOf(decision, expected);
    return what && `packet ${number} on the ${side}: ${what}`;
  }

  /** The next act of the control plane. */
  control(act: ControlAct, number: number, found: Value): string | undefined {
    const expected = controlAct(this.replica.machine, act);
    if (isSameValue(found, expected)) return undefined;
    return `act ${number} of the control plane found ${hex(found)} and not ${hex(expected)}`;
  }

  /** Nothing is under way any more: are the maps the same? */
  maps(sides: TwoSides): string | undefined {
    for (const map of this.replica.machine.maps) {
      const what = this.mapDifference(map, sides);
      if (what !== undefined) return `map \`${map.spec.name}\`, ${what}`;
    }
    return undefined;
  }

  private mapDifference(map: BpfMap, sides: TwoSides): string | undefined {
    const [card, host] = [sides.machineOf('card'), sides.machineOf('host')].map(({ maps }) => maps[map.index]);
    const { protocol, grain } = sides.table.shared[map.index] ?? {};
    const isShared = protocol !== undefined;
    if (isShared && grain === 'map') {
      const found = sharedValue(sides, map.index, noKey);
      return isSameValue(found, dumpMap(map)) ? undefined : `${hex(found)} and not ${hex(dumpMap(map))}`;
    }
    const keys = new Map<string, Uint8Array>();
    for (const each of [map, card, host]) for (const { key } of each?.entries() ?? []) keys.set(key.join(), key);
    for (const key of keys.values()) {
      const expected = elementOf(map, key);
      const found = isShared
        ? sharedValue(sides, map.index, key)
        : joined(map, elementOf(card, key), elementOf(host, key));
      if (!isSameValue(found, expected)) return `key ${hex(key)}: ${hex(found)} and not ${hex(expected)}`;
    }
    return undefined;
  }
}

function elementOf(map: BpfMap | undefined, key: Uint8Array): Value {
  const value = map?.lookupElem(key);
  return typeof value === 'number' ? undefined : value;
}

function sharedValue(sides: TwoSides, map: number, key: Uint8Array): Value {
  const element = sides.table.of(map, key);
  return element === undefined ? undefined : sides.value(element);
}

/** Of a map that is not shared: each side's own CPU's values, or what both have. */
function joined(map: BpfMap, card: Value, host: Value): Value {
  if (!isPercpuMap(map.spec.type) || card === undefined || host === undefined) return card;
  const one = card.length / 2;
  const both = card.slice();
  both.set(host.subarray(one), one);
  return both;
}

/** What is different about a packet; undefined: nothing. */
function differenceOf(found: Decision, expected: Decision): string | undefined {
  if (found.verdict !== expected.verdict)
    return `${verdictName(found.verdict)} and not ${verdictName(expected.verdict)}`;
  if (!isSameValue(found.bytes, expected.bytes)) return 'other bytes';
  if (said(found.redirect) !== said(expected.redirect)) return 'another redirect target';
  return said(found.outputs) === said(expected.outputs) ? undefined : 'other records';
}

function said(what: unknown): string {
  return JSON.stringify(what, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)) ?? '';
}

function hex(bytes: Value): string {
  return bytes === undefined ? 'nothing' : [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
