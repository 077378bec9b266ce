/** What the code around a program has to do for it, by the helpers that it calls. */
import type { FunctionCode, OpName, Value } from '../ir/index.js';
import { changesAny, helpersWhere, packetMoves } from '../platform/index.js';

/** What has to be done before and after each packet. */
export interface Demands {
  /**
   * The context in guest memory is read: by checked accesses, or by a load whose address is not known to be elsewhere.
   * Otherwise only helpers in JavaScript look there, and the context is written before they are called: see
   * context-code.ts.
   */
  readonly needsContext: boolean;
  /** Some helper may move the packet's ends. */
  readonly movesPacket: boolean;
  readonly redirects: boolean;
}

const redirectors = helpersWhere((row) => changesAny(row, 'redirect'));

/** What an address starts from that is not the context's, or is known to be. */
const elsewhere: ReadonlySet<OpName> = new Set(['const', 'context', 'data', 'element', 'call', 'lookup']);

/** Does the helper move the packet's ends? */
export function isMover(id: number): boolean {
  return packetMoves(id) !== undefined;
}

/** Does the helper say where the packet goes? */
export function isRedirector(id: number): boolean {
  return redirectors.has(id);
}

/** Looks at all calls and loads of the functions that go into one module. */
export function demandsOf(programs: readonly FunctionCode[]): Demands {
  let needsContext = programs.some((code) => code.checked);
  let movesPacket = false;
  let redirects = false;
  for (const { blocks } of programs) {
    for (const value of blocks.flatMap((block) => block?.pinned ?? [])) {
      if (mayReadContext(value)) needsContext = true;
      const { detail } = value;
      if (detail?.kind !== 'call') continue;
      if (isMover(detail.helper)) movesPacket = true;
      if (isRedirector(detail.helper)) redirects = true;
    }
  }
  return { needsContext, movesPacket, redirects };
}

/**
 * A field of the context by an address that is not known when code is made, or a load of which nothing is known:
 * fields are words.
 */
function mayReadContext({ op, args, detail }: Value): boolean {
  if (op !== 'load' || detail?.kind !== 'memory' || detail.size !== 4) return false;
  const from = args[0]?.op;
  if (detail.space === 'context') return from !== 'context';
  return detail.space === 'other' && (from === undefined || !elsewhere.has(from));
}
