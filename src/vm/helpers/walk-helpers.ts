/**
 * bpf_for_each_map_elem in steps, for engines that turn it into a loop around its callback. These are no helpers that
 * a program could call: their numbers are beyond Linux's, and loading knows nothing of them. A walk inside of a walk
 * has a level of its own.
 */
import { walkHelper } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import type { MapElement } from '../map.js';
import { type Helper, setUnsigned, u32 } from './helper.js';

/** A walk over a map that stands at an element. */
export interface Walk {
  readonly elements: Iterator<MapElement>;
  key: number;
}

/** Numbers and implementations of the steps. */
export const walkHelpers: readonly (readonly [number, Helper])[] = [
  [walkHelper.begin, begin],
  [walkHelper.next, next],
  [walkHelper.key, key],
];

/** (map, level) -> 0: the walk of this level begins anew. */
function begin(machine: Machine, registers: Registers): void {
  const map = machine.mapArgument(registers, 1);
  machine.lane.walks[u32(registers, 2)] = { elements: map.elements(machine.lane.cpu), key: 0 };
  setUnsigned(registers, 0);
}

/** (level) -> address of the next element's value, or 0 behind the last one. */
function next(machine: Machine, registers: Registers): void {
  const walk = machine.lane.walks[u32(registers, 1)];
  const element = walk?.elements.next();
  if (walk === undefined || element === undefined || element.done === true) {
    setUnsigned(registers, 0);
    return;
  }
  walk.key = element.value.key;
  setUnsigned(registers, element.value.value);
}

/** (level) -> address of the key of the element that `next` gave. */
function key(machine: Machine, registers: Registers): void {
  setUnsigned(registers, machine.lane.walks[u32(registers, 1)]?.key ?? 0);
}
