/**
 * A load of bytes that are known on every path to it (stored, or loaded before, and not touched since) is that value.
 */
import { loopBodies } from '../code/index.js';
import { callEffects, type FunctionCode } from '../ir/index.js';
import { after, common, contentOf, type KnownMemory, throughLoop } from './known-memory.js';
import { placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/**
 * The pass. At a join it is known what all predecessors agree on; at a loop's head, what nothing in the loop touches.
 * `-Oknown=N` bounds how many places are remembered.
 */
export function forward(code: FunctionCode, { world, params, modes }: PassContext): FunctionCode {
  const rewriter = new Rewriter(code, modes);
  const { graph } = rewriter;
  const effectsOf = callEffects(world, code);
  const bodies = loopBodies(rewriter.order);
  const exits: KnownMemory[] = [];
  let known: KnownMemory = [];
  return rewriter.run({
    enter: (block) => {
      known = common(rewriter.before(block).map((pred) => exits[pred] ?? []));
      const body = bodies.get(block);
      if (body !== undefined) known = throughLoop(known, code, body, effectsOf);
    },
    pinned: (value) => {
      const place = value.op === 'load' ? placeOf(value) : undefined;
      return place === undefined ? undefined : contentOf(known, place, graph);
    },
    placed: (value) => {
      known = after(known, value, effectsOf, graph, params.known);
    },
    leave: (pinned, block) => {
      exits[block] = known;
      return pinned;
    },
  });
}
