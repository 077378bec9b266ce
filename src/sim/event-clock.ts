/**
 * Simulated time: events in the order of their times, and those of one time in the order in which they were asked for.
 * So a run is a function of its input.
 *
 * Times are whole picoseconds since the run began, as plain numbers: exact up to 2^53, which is two and a half hours.
 * An event is a kind and two numbers, so that millions of them a second leave nothing for the garbage collector: a
 * binary heap over five columns.
 */
import { InternalError } from '../base/index.js';

/** The last time that there is, in picoseconds: 9,007 seconds. */
export const endOfTime: number = Number.MAX_SAFE_INTEGER;

/** A nanosecond of simulated time. */
export const nanosecond = 1000;

/** What is done about events of one kind; `now` is {@link EventClock.now}. */
export type EventHandler = (first: number, second: number) => void;

/** Names a kind of event: the position of its handler. */
export type EventKind = number;

/** The clock of one run. */
export class EventClock {
  private time = 0;
  private size = 0;
  private sequence = 0;
  private times = new Float64Array(64);
  private orders = new Float64Array(64);
  private kinds = new Uint8Array(64);
  private firsts = new Float64Array(64);
  private seconds = new Float64Array(64);
  private readonly handlers: EventHandler[] = [];

  /** Picoseconds since the run began. */
  get now(): number {
    return this.time;
  }

  /** Events that are still to come. */
  get pending(): number {
    return this.size;
  }

  /** A kind of event, and who is told of those. */
  on(handler: EventHandler): EventKind {
    return this.handlers.push(handler) - 1;
  }

  /** Asks for an event at `time`, which is not before {@link now}. Throws InternalError for one that is. */
  at(time: number, kind: EventKind, first = 0, second = 0): void {
    if (!(time >= this.time && time <= endOfTime))
      throw new InternalError('clock', `an event at ${time} ps, and it is ${this.time} ps`);
    if (this.size === this.times.length) this.grow();
    let at = this.size++;
    const order = this.sequence++;
    // Up: parents that come later move down.
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.times[parent] as number) <= time) break;
      this.move(parent, at);
      at = parent;
    }
    this.put(at, time, order, kind, first, second);
  }

  /** Lets everything happen that is due up to `time`, which is then the present. */
  advance(time: number): void {
    while (this.size > 0 && (this.times[0] as number) <= time) this.next();
    if (time > this.time) this.time = time;
  }

  /** Lets the first event happen, if there is one. */
  step(): boolean {
    if (this.size === 0) return false;
    this.next();
    return true;
  }

  /** Lets everything happen that is still to come; the last event is then the present. */
  finish(): void {
    while (this.size > 0) this.next();
  }

  /** The first event happens. */
  private next(): void {
    const kind = this.kinds[0] as number;
    const first = this.firsts[0] as number;
    const second = this.seconds[0] as number;
    this.time = this.times[0] as number;
    this.removeFirst();
    (this.handlers[kind] as EventHandler)(first, second);
  }

  /** The last event of the heap takes the first one's place and goes down. */
  private removeFirst(): void {
    const last = --this.size;
    if (last === 0) return;
    const time = this.times[last] as number;
    const order = this.orders[last] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.isBefore(child + 1, child)) child++;
      const then = this.times[child] as number;
      if (then > time || (then === time && (this.orders[child] as number) > order)) break;
      this.move(child, at);
      at = child;
    }
    this.move(last, at);
  }

  private isBefore(a: number, b: number): boolean {
    const first = this.times[a] as number;
    const second = this.times[b] as number;
    return first < second || (first === second && (this.orders[a] as number) < (this.orders[b] as number));
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from] as number;
    this.orders[to] = this.orders[from] as number;
    this.kinds[to] = this.kinds[from] as number;
    this.firsts[to] = this.firsts[from] as number;
    this.seconds[to] = this.seconds[from] as number;
  }

  private put(at: number, time: number, order: number, kind: EventKind, first: number, second: number): void {
    this.times[at] = time;
    this.orders[at] = order;
    this.kinds[at] = kind;
    this.firsts[at] = first;
    this.seconds[at] = second;
  }

  private grow(): void {
    const twice = <T extends Float64Array | Uint8Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    const length = 2 * this.times.length;
    this.times = twice(this.times, new Float64Array(length));
    this.orders = twice(this.orders, new Float64Array(length));
    this.kinds = twice(this.kinds, new Uint8Array(length));
    this.firsts = twice(this.firsts, new Float64Array(length));
    this.seconds = twice(this.seconds, new Float64Array(length));
  }
}
