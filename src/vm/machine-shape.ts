/**
 * All of a machine that compiled code depends on: the layout of guest memory, the programs as they were loaded, what
 * maps are and where, and data that no one can change. Machines of one shape can run each other's code.
 */
import { type Content, contentOf } from '../base/index.js';
import { encodeInsns } from '../isa/index.js';
import type { Machine } from './machine.js';

/** A digest of all that; machines of equal shape may run each other's compiled code. */
export function machineShape(machine: Machine): Content {
  const { memory, cpus, hz, hasConsumer } = machine;
  const { state, ctx, frames } = machine.lane;
  return contentOf({
    cpus,
    hz,
    hasConsumer,
    state,
    ctx: ctx.start,
    frames: frames.map(({ hi }) => hi),
    isShared: memory.isShared,
    regions: memory.regions.map(({ kind, start, size, stride, span }) => [kind, start, size, stride, span]),
    maps: machine.maps.map((map) => ({
      spec: { ...map.spec, init: undefined },
      handle: map.handle,
      layout: map.layout(),
      direct: map.directValue(),
      constant: map.isConstant ? memory.u8.slice(map.directValue(), map.directValue() + map.spec.valueSize) : undefined,
    })),
    programs: machine.programs.map(({ spec, insns, code, refusal }) => ({
      name: spec.name,
      functions: spec.functions,
      unresolved: spec.unresolved,
      kfuncs: spec.kfuncs,
      frags: spec.frags,
      insns: encodeInsns(insns),
      code,
      refusal: refusal?.message,
    })),
  });
}
