/** A load of bytes that are known on every path to it (stored, or loaded before, and not touched since) is that value. */
import { type FunctionCode, loopBodies } from '../ir/index.js';
import { after, common, contentOf, type KnownMemory, throughLoop } from './known-memory.js';
import { placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

export function forward(code: FunctionCode, { world, params }: PassContext): FunctionCode {
  const rewriter = new Rewriter(code);
  const { graph } = rewriter;
  const bodies = loopBodies(rewriter.order);
  const exits: KnownMemory[] = [];
  let known: KnownMemory = [];
  return rewriter.run({
    enter: (block) => {
      known = common(rewriter.before(block).map((pred) => exits[pred] ?? []));
      const body = bodies.get(block);
      if (body !== undefined) known = throughLoop(known, code, body, world);
    },
    pinned: (value) => {
      const place = value.op === 'load' ? placeOf(value) : undefined;
      return place === undefined ? undefined : contentOf(known, place, graph);
    },
    placed: (value) => {
      known = after(known, value, world, graph, params.known);
    },
    leave: (pinned, block) => {
      exits[block] = known;
      return pinned;
    },
  });
}
