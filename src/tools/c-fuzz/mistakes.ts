/**
 * Mistakes that a fuzzer of cards has to find: one place each in the code that undoes what a trace did (the journal,
 * the transaction, the ways back of compiled traces) and in the card's side of helpers. Each is a text that stands
 * once in a module and what stands there instead, without types, so that it fits the source and what is built of it.
 *
 * Not here, since nothing that is compared with the kernel can tell: windows of the packet and of ring buffers that
 * are left wide (they only say what may be accessed, and Linux accepts no program that accesses more), helpers that
 * refuse (the same), the clock and CPU that a helper is told (they stand still in a test run), a transaction of the
 * compiled card that stays open behind its packet or batch (marks are set anew for each call; a longer log is no other
 * one), look-ups that were cached behind what is taken back (whoever decides the packet does the same again, from the
 * same free lists, up to the test that failed, so the element is where it was), and a tail that cannot grow and is no
 * miss (a recording guards on the length that its frame has room for, and all frames of a test run are alike).
 */
import { InternalError } from '../../base/index.js';

/** A mistake of one place. */
export interface Mistake {
  /** What it does wrong. */
  readonly name: string;
  /** The module, as below `src/` and `dist/`, without its ending. */
  readonly module: string;
  readonly right: string;
  readonly wrong: string;
}

/**
 * The module's text with the mistake in it. Any white space stands for any other. Throws InternalError where the right
 * text does not stand there once: then the row has not followed the code.
 */
export function withMistake({ name, module, right, wrong }: Mistake, text: string): string {
  const words = right.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const parts = text.split(new RegExp(words.join('\\s+')));
  if (parts.length !== 2)
    throw new InternalError('mistakes', `\`${right}\` stands ${parts.length - 1} times in ${module} (${name})`);
  return parts.join(wrong);
}

const journal: readonly Mistake[] = [
  {
    name: 'of eight bytes the last is not kept',
    module: 'vm/journal',
    right: 'for (let i = 0; i < size; i++)',
    wrong: 'for (let i = 0; i < size - (size >> 3); i++)',
  },
  {
    name: 'the oldest entry is not put back',
    module: 'vm/journal',
    right: 'for (let i = this.length - 1; i >= from; i--)',
    wrong: 'for (let i = this.length - 1; i > from; i--)',
  },
  {
    name: 'going back to a mark forgets what was before it',
    module: 'vm/journal',
    right: 'this.length = from;',
    wrong: 'this.length = 0;',
  },
  {
    name: 'going back to a mark keeps the old bytes behind it',
    module: 'vm/journal',
    right: 'this.oldLength = at;',
    wrong: '',
  },
  {
    name: 'entries are lost when there get to be more of them',
    module: 'vm/journal',
    right: 'addresses.set(this.addresses);',
    wrong: '',
  },
  {
    name: 'lengths are lost when there get to be more of them',
    module: 'vm/journal',
    right: 'lengths.set(this.lengths);',
    wrong: '',
  },
  {
    name: 'old bytes are lost when there get to be more of them',
    module: 'vm/journal',
    right: 'old.set(this.old);',
    wrong: '',
  },
  {
    name: 'of a long entry only the first bytes are kept',
    module: 'vm/journal',
    right: 'u8.subarray(address, address + size), this.oldLength',
    wrong: 'u8.subarray(address, address + 16), this.oldLength',
  },
  {
    name: 'bytes are cleared without a note',
    module: 'vm/memory',
    right: 'this.journal.note(this.u8, address, size);',
    wrong: '',
  },
  {
    name: 'a copy notes where it comes from',
    module: 'vm/memory',
    right: 'this.journal.note(this.u8, to, size)',
    wrong: 'this.journal.note(this.u8, from, size)',
  },
];

const transaction: readonly Mistake[] = [
  {
    name: 'a transaction begins with what the last one noted',
    module: 'vm/transaction',
    right: 'this.journal.clear();',
    wrong: '',
  },
  {
    name: 'lines that were printed stay',
    module: 'vm/transaction',
    right: 'this.lane.emitted.length = outputs;',
    wrong: '',
  },
  {
    name: "the packet's ends are not read again",
    module: 'vm/transaction',
    right: 'this.lane.packet.sync();',
    wrong: '',
  },
  {
    name: 'going back to a mark goes back to the beginning',
    module: 'vm/transaction',
    right: 'this.undo(entries, outputs);',
    wrong: 'this.undo(0, outputs);',
  },
  {
    name: 'a mark is one entry late',
    module: 'vm/transaction',
    right: 'entries: this.journal.length,',
    wrong: 'entries: this.journal.length + 1,',
  },
  {
    name: 'a mark has no outputs before it',
    module: 'vm/transaction',
    right: 'outputs: this.lane.emitted.length }',
    wrong: 'outputs: 0 }',
  },
];

const executor: readonly Mistake[] = [
  {
    name: 'a trace that gives up keeps what it did',
    module: 'nic/software/tree',
    right: 'machine.transaction.rollback();',
    wrong: 'machine.transaction.commit();',
  },
  {
    name: 'a trace that gives up in an open transaction keeps what it did',
    module: 'nic/software/tree',
    right: '!done && mark !== undefined',
    wrong: 'done && mark === undefined',
  },
  {
    name: 'what a helper reads on the stack is not written',
    module: 'nic/software/execute',
    right: 'for (let i = 0; i < count; i++, at += 3)',
    wrong: 'for (let i = 0; i < count - 1; i++, at += 3)',
  },
  {
    name: 'an atomic operation gives the new value',
    module: 'nic/software/execute',
    right: 'memory.store32(address, Number(next)); this.slots[d] = old;',
    wrong: 'memory.store32(address, Number(next)); this.slots[d] = next;',
  },
];

const imports: readonly Mistake[] = [
  {
    name: 'a call without a mark ends the open transaction',
    module: 'nic/software/card-imports',
    right: 'if (at !== this.openedFor)',
    wrong: 'if (mark < 0 || at !== this.openedFor)',
  },
  {
    name: 'only the first mark is set',
    module: 'nic/software/card-imports',
    right: 'this.marks[mark] = ',
    wrong: 'this.marks[mark] ??= ',
  },
  {
    name: 'a call is taken back to the mark of the one before',
    module: 'nic/software/card-imports',
    right: 'rollbackTo(this.marks[mark]',
    wrong: 'rollbackTo(this.marks[Math.max(0, mark - 1)]',
  },
];

const compiled: readonly Mistake[] = [
  {
    name: 'effects are undone oldest first',
    module: 'nic/software/lower-transaction',
    right: 'this.undo.toReversed()',
    wrong: 'this.undo',
  },
  {
    name: 'one effect alone is not undone',
    module: 'nic/software/lower-transaction',
    right: 'this.undo.length === 0 ? back',
    wrong: 'this.undo.length <= 1 ? back',
  },
  {
    name: 'the effect right before the last guard is not undone',
    module: 'nic/software/lower-transaction',
    right: 'return this.at < this.lastFailure;',
    wrong: 'return this.at + 2 < this.lastFailure;',
  },
  {
    name: 'stores to the packet are not undone',
    module: 'nic/software/lower-transaction',
    right: "detail.space === 'stack')",
    wrong: "detail.space !== 'map')",
  },
  {
    name: 'only four bytes of a store are undone',
    module: 'nic/software/lower-transaction',
    right: '{ ...detail, size, checked: false }',
    wrong: '{ ...detail, size: Math.min(size, 4), checked: false }',
  },
  {
    name: 'only what comes before the first guard is undone',
    module: 'nic/software/lower-body',
    right: 'needed.findLastIndex(',
    wrong: 'needed.findIndex(',
  },
  {
    name: 'a tail that was cut is still there',
    module: 'nic/software/lower-call',
    right: 'geometry.end = graph.add(geometry.end, amount);',
    wrong: '',
  },
  {
    name: 'atomic operations are not undone',
    module: 'nic/software/lower-body',
    right: 'this.transaction.keepOld(base, offset, size,',
    wrong: 'this.transaction.keepOld(base, offset, 0 * size || 1,',
  },
  {
    name: 'guards are asked before the effects that they hang on',
    module: 'nic/software/lower-body',
    right: 'if (!value.args.every(',
    wrong: 'if (!value.args.some(',
  },
];

const helpers: readonly Mistake[] = [
  {
    name: 'all calls of a trace share a mark',
    module: 'nic/software/lower-call',
    right: 'const mark = this.marks++;',
    wrong: 'const mark = this.marks;',
  },
  {
    name: 'look-ups that were cached outlive what moves elements',
    module: 'nic/software/lower-call',
    right: 'if (movesElements(detail.helper))',
    wrong: 'if (false)',
  },
  {
    name: 'helpers see where the packet ended when it came',
    module: 'nic/software/lower-call',
    right: 'xdpMd.dataEnd, 4, graph.pointer(geometry.end)); this.builder.storeAt(ctx.start + xdpMd.dataMeta',
    wrong: 'xdpMd.dataEnd, 4, graph.pointer(graph.length)); this.builder.storeAt(ctx.start + xdpMd.dataMeta',
  },
  {
    name: 'metadata that was moved is forgotten',
    module: 'nic/software/lower-call',
    right: 'if (geometry.meta !== undefined)',
    wrong: 'if (false)',
  },
  {
    name: 'a packet whose ends moved is as long as it came',
    module: 'nic/software/lower-call',
    right: 'this.moved = true;',
    wrong: '',
  },
  {
    name: 'random numbers that were drawn are not given back',
    module: 'nic/software/lower-call',
    right: 'if (isRandom) this.keepRandom();',
    wrong: '',
  },
  {
    name: 'of two redirects the first is noted',
    module: 'nic/software/lower-call',
    right: 'needed.filter(isRedirect).length <= 1',
    wrong: 'needed.filter(isRedirect).length <= 9',
  },
  {
    name: 'a redirect keeps the target of an earlier packet',
    module: 'nic/software/lower-call',
    right: 'this.storeRecord(record.redirect + 4, 4, target);',
    wrong: '',
  },
  {
    name: 'a long key is put together from the wrong bytes',
    module: 'nic/software/lower-call',
    right: 'graph.constant(BigInt(8 * done))',
    wrong: 'graph.constant(BigInt(4 * done))',
  },
];

/** All, in the order in which they are looked for. */
export const mistakes: readonly Mistake[] = [
  ...journal,
  ...transaction,
  ...executor,
  ...imports,
  ...compiled,
  ...helpers,
];
