/**
 * What the sides tell each other. Messages arrive once each, after any time and in any order: whoever needs an order
 * counts versions or epochs.
 */
import type { ElementId, Value } from './element.js';

/** An element as the sender has it. */
export interface Snapshot {
  readonly element: ElementId;
  /** Counts the commits that wrote it. */
  readonly version: number;
  readonly value: Value;
}

/** What a transaction relies on at the other side, and what it does there. */
export interface Claim {
  readonly element: ElementId;
  /** That it saw. */
  readonly version: number;
  /** Set if it writes: the bytes afterwards. */
  readonly write: { readonly value: Value } | undefined;
}

/** Of every side. */
export type Message =
  /** How is it now? */
  | { readonly kind: 'fetch'; readonly element: ElementId; readonly epoch: number }
  | { readonly kind: 'value'; readonly epoch: number; readonly snapshot: Snapshot }
  /** May this transaction commit? */
  | {
      readonly kind: 'prepare';
      readonly age: number;
      /** It was refused so often that it asks for the elements to be kept for it. */
      readonly insists: boolean;
      readonly claims: readonly Claim[];
    }
  /** It has: this is how things are now. */
  | { readonly kind: 'accepted'; readonly age: number; readonly fresh: readonly Snapshot[] }
  /** It may not: this is how things are. */
  | { readonly kind: 'refused'; readonly age: number; readonly fresh: readonly Snapshot[] }
  /** What was kept for it need not be. */
  | { readonly kind: 'forgo'; readonly age: number }
  /** Give me the element; `epoch` is the one in which the sender gave it away. */
  | { readonly kind: 'want'; readonly element: ElementId; readonly age: number; readonly epoch: number }
  /** It is yours from this epoch on. */
  | { readonly kind: 'grant'; readonly epoch: number; readonly snapshot: Snapshot }
  /** Stop using versions up to this one. */
  | { readonly kind: 'invalidate'; readonly element: ElementId; readonly version: number }
  | { readonly kind: 'invalidated'; readonly element: ElementId; readonly version: number }
  /** A new version, to be used or kept at hand. */
  | { readonly kind: 'update'; readonly snapshot: Snapshot }
  /** Give me your share of a sum, and add nothing until I say so. */
  | { readonly kind: 'drain'; readonly element: ElementId; readonly age: number }
  | {
      readonly kind: 'share';
      readonly element: ElementId;
      readonly age: number;
      /** Counts the times that the sender stopped adding: it goes on when it has heard of all that they are over. */
      readonly stop: number;
      readonly share: Value;
    }
  | { readonly kind: 'resume'; readonly element: ElementId }
  /** A slow packet is done, and this is what it wrote in maps that waited for it. */
  | { readonly kind: 'release'; readonly age: number; readonly written: readonly Snapshot[] };

/** Bytes of kind, age, versions: what any message has, and each element that it speaks of. */
const head = 16;

/** Bytes that a message takes on a link. */
export function messageBytes(message: Message): number {
  const value = (bytes: Value): number => head + (bytes?.length ?? 0);
  const all = (snapshots: readonly Snapshot[]): number => snapshots.reduce((sum, each) => sum + value(each.value), 0);
  switch (message.kind) {
    case 'value':
    case 'grant':
    case 'update':
      return head + value(message.snapshot.value);
    case 'prepare':
      return message.claims.reduce((sum, { write }) => sum + value(write?.value), head);
    case 'accepted':
    case 'refused':
      return head + all(message.fresh);
    case 'release':
      return head + all(message.written);
    case 'share':
      return head + value(message.share);
    default:
      return head;
  }
}
