/**
 * A type of its own for what is an address in one machine's memory and means nothing anywhere else. The rooms that run
 * programs compute with it, and to them it is a number; in all others no expression may have this type, which
 * `npm run lint` asks the compiler (scripts/check-addresses.mjs). So an address cannot get into a trace, a condition,
 * a function of the IR or a report: those name bytes by location (object/location.ts) and places by index
 * (ir/world.ts). Values of a program's registers have no such type: who watches a program (recorder, judge) sees those
 * and gives them back to the machine, which says what they point to ({@link Machine.pointee}, `peek`).
 *
 * Sums of an address are plain numbers: what gives one away says so in its own type.
 */
declare const guest: unique symbol;

/** Offset into guest memory, in bytes. */
export type GuestAddress = number & { readonly [guest]: true };

/** The same in 64 bits, as a program would hold it in a register. */
export type GuestPointer = bigint & { readonly [guest]: true };

/** No address: null. */
export const nowhere: GuestAddress = 0 as GuestAddress;
