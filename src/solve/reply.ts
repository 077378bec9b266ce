/** Reads what a solver prints: S-expressions of SMT-LIB 2. */
import { InternalError } from '../base/index.js';

/** An atom as it is written, or a list. */
export type Reply = string | readonly Reply[];

/** Every expression of a text, in order. Strings keep their quotes, symbols their bars. */
export function parseReply(text: string): Reply[] {
  const tokens = text.match(/\(|\)|"(?:[^"]|"")*"|\|[^|]*\||[^\s()]+/g) ?? [];
  const top: Reply[] = [];
  const open: Reply[][] = [top];
  for (const token of tokens) {
    const list = open.at(-1) as Reply[];
    if (token === '(') {
      const inner: Reply[] = [];
      list.push(inner);
      open.push(inner);
    } else if (token === ')') {
      open.pop();
      if (open.length === 0) throw new InternalError('solve', `the solver closes more than it opens: ${text}`);
    } else list.push(token);
  }
  return top;
}

/** The number that `#x0f`, `#b01`, `(_ bv15 8)`, `true` or `false` stand for; undefined for anything else. */
export function replyValue(reply: Reply | undefined): bigint | undefined {
  if (reply === undefined) return undefined;
  if (typeof reply !== 'string') {
    const [underscore, number] = reply;
    const digits = underscore === '_' && typeof number === 'string' ? /^bv(\d+)$/.exec(number)?.[1] : undefined;
    return digits === undefined ? undefined : BigInt(digits);
  }
  if (reply === 'true') return 1n;
  if (reply === 'false') return 0n;
  return /^#(x[\da-f]+|b[01]+)$/i.test(reply) ? BigInt(`0${reply.slice(1)}`) : undefined;
}
