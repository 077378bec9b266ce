/** What the code around a program has to do for it, by the helpers that it calls. */
import type { FunctionCode } from '../ir/index.js';

export interface Demands {
  /** The context in guest memory is read: by JavaScript, or after the packet moved. */
  readonly needsContext: boolean;
  /** Some helper may move the packet's ends. */
  readonly movesPacket: boolean;
  readonly redirects: boolean;
}

const movers: ReadonlySet<number> = new Set([44, 54, 65]);
const redirectors: ReadonlySet<number> = new Set([23, 51]);
/** Helpers that never look at the context: see emit-call.ts. */
const compiled: ReadonlySet<number> = new Set([7, 23, 28, 51, 93, 94]);

export function demandsOf(programs: readonly FunctionCode[]): Demands {
  let needsContext = programs.some((code) => code.checked);
  let movesPacket = false;
  let redirects = false;
  for (const { blocks } of programs) {
    for (const value of blocks.flatMap((block) => block?.pinned ?? [])) {
      const { detail } = value;
      if (detail?.kind !== 'call') continue;
      if (!compiled.has(detail.helper)) needsContext = true;
      if (movers.has(detail.helper)) movesPacket = true;
      if (redirectors.has(detail.helper)) redirects = true;
    }
  }
  return { needsContext, movesPacket, redirects };
}
