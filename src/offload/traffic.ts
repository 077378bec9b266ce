/**
 * Traffic that cards receive: sources, each a capture that arrives at a network device, at a rate, so many times. A
 * packet meets what is attached as in Linux: the card's program first, and what that passes goes on with its metadata
 * to the program in the driver or the generic one, and then to the stack.
 *
 * A source is a record with what became of its packets, beside one with its frames. So many packets are one
 * transaction: counters and maps change together, and a daemon that was killed goes on behind the last packet that
 * counted.
 */
import { decodeBase64, encodeBase64, InputError } from '../base/index.js';
import { decodeCapture } from '../packet/index.js';
import type { VerdictName } from '../platform/index.js';
import type { Model, TrafficCounts, TrafficRecord, XdpMode } from './model.js';
import type { Change } from './records.js';
import { OffloadRefusal } from './refusal.js';
import { type CardEvent, type MapAccess, Running } from './running.js';

/** What is to arrive. */
export interface TrafficRequest {
  readonly name: string;
  /** Network device at which it arrives. */
  readonly dev: string;
  /** A capture file, as it is. */
  readonly capture: Uint8Array;
  /** Packets a second; 0: as fast as they are decided. */
  readonly rate: number;
  /** How many times the capture arrives; 0: until it is stopped. */
  readonly loops: number;
}

/** Sources that there may be at a time. */
const mostSources = 64;
const noCounts: TrafficCounts = { aborted: 0, drop: 0, pass: 0, tx: 0, redirect: 0 };

/** Notes a source; its packets come with {@link Traffic.send}. */
export function startTraffic(model: Model, { name, dev, capture, rate, loops }: TrafficRequest): TrafficRecord {
  model.get('netdev', dev, `unrecognized netdevice '${dev}'`);
  if (model.find('traffic', name) !== undefined)
    throw new OffloadRefusal('start traffic', 'EEXIST', { hint: `stop it first: jitnic net traffic stop ${name}` });
  if (model.names('traffic').length >= mostSources)
    throw new OffloadRefusal('start traffic', 'ENOSPC', { hint: `at most ${mostSources} sources run at a time` });
  const packets = framesOf(capture).length;
  if (packets === 0) throw new InputError('the capture has no packets', {}, 'give one that has');
  const record: TrafficRecord = {
    name,
    dev,
    rate,
    loops,
    packets,
    sent: 0,
    bytes: 0,
    state: 'running',
    why: '',
    decided: { hw: noCounts, drv: noCounts, skb: noCounts },
    stack: 0,
  };
  model.put('traffic', name, record);
  model.put('frames', name, encodeBase64(capture));
  return record;
}

/** Ends a source and forgets it; what it had sent is the answer. */
export function stopTraffic(model: Model, name: string): TrafficRecord {
  const record = model.find('traffic', name);
  if (record === undefined)
    throw new OffloadRefusal('stop traffic', 'ENOENT', { hint: 'sources that are there: `jitnic net traffic show`' });
  model.delete('traffic', name);
  model.delete('frames', name);
  return record;
}

/** Sends what sources have. Machines are kept from batch to batch; what they hold beyond records is nothing. */
export class Traffic {
  private readonly model: Model;
  private readonly access: MapAccess;
  /** By number of the program. */
  private readonly running = new Map<number, Running>();
  private readonly frames = new Map<string, { readonly text: string; readonly frames: readonly Uint8Array[] }>();
  /** Those of the batch that is under way: what changes in it, they have done themselves. */
  private readonly inBatch = new Set<Running>();

  constructor(model: Model, access: MapAccess) {
    this.model = model;
    this.access = access;
  }

  /** To be told of each change that counts. */
  hear(changes: readonly Change[]): void {
    for (const [id, each] of this.running) {
      const isGone = this.model.find('prog', id) === undefined;
      if (isGone || (!this.inBatch.has(each) && !each.hear(changes))) this.running.delete(id);
    }
    this.inBatch.clear();
    for (const name of this.frames.keys()) if (this.model.find('traffic', name) === undefined) this.frames.delete(name);
  }

  /** After a batch that did not count: machines are ahead of the records. */
  forget(): void {
    this.running.clear();
    this.inBatch.clear();
  }

  /**
   * Up to `most` packets of a source, in a transaction of the caller's; fewer where `mayGoOn` says no. `now` is the
   * clock that programs see, in nanoseconds. Returns what they left for readers, which may have it once the
   * transaction counts. Throws UserError where they can't arrive any more.
   */
  send(name: string, most: number, now: () => bigint, mayGoOn: () => boolean): readonly CardEvent[] {
    const { model } = this;
    const source = model.get('traffic', name, 'send');
    const decided = { hw: { ...source.decided.hw }, drv: { ...source.decided.drv }, skb: { ...source.decided.skb } };
    const total = source.loops === 0 ? Number.POSITIVE_INFINITY : source.loops * source.packets;
    const events: CardEvent[] = [];
    const count = { sent: source.sent, bytes: source.bytes, stack: source.stack };
    const frames = this.framesOf(name);
    const stages = this.stagesOf(source.dev);
    for (let i = 0; i < most && count.sent < total && mayGoOn(); i++) {
      let data = frames[count.sent % frames.length] as Uint8Array;
      let meta: Uint8Array = noMeta;
      let verdict: VerdictName = 'PASS';
      count.bytes += data.length;
      for (const { mode, program, ifindex } of stages) {
        const passed = program.run({ data, meta, ingressIfindex: ifindex, now: now() });
        decided[mode][countName[passed.verdict]]++;
        events.push(...passed.events);
        ({ verdict, data, meta } = passed);
        if (verdict !== 'PASS') break;
      }
      if (verdict === 'PASS') count.stack++;
      count.sent++;
    }
    for (const { program } of stages) program.keep();
    const state = count.sent >= total ? 'done' : 'running';
    model.put('traffic', name, { ...source, ...count, decided, state });
    return events;
  }

  /** Notes that a source can't go on, in a transaction of the caller's. */
  halt(name: string, why: string): void {
    const source = this.model.find('traffic', name);
    if (source !== undefined) this.model.put('traffic', name, { ...source, state: 'stopped', why });
  }

  /** Programs that a packet of a network device meets, in order. */
  private stagesOf(dev: string): { mode: XdpMode; program: Running; ifindex: number }[] {
    const netdev = this.model.get('netdev', dev, `unrecognized netdevice '${dev}'`);
    const modes = (['hw', 'drv', 'skb'] as const).filter((mode) => netdev.xdp[mode] !== 0);
    return modes.map((mode) => {
      const id = netdev.xdp[mode];
      const held = this.running.get(id);
      const program = held ?? new Running(this.model, this.access, this.model.get('prog', id, 'run program'));
      this.running.set(id, program);
      this.inBatch.add(program);
      return { mode, program, ifindex: netdev.ifindex };
    });
  }

  private framesOf(name: string): readonly Uint8Array[] {
    const text = this.model.get('frames', name, 'send');
    const held = this.frames.get(name);
    if (held?.text === text) return held.frames;
    const frames = framesOf(decodeBase64(text));
    this.frames.set(name, { text, frames });
    return frames;
  }
}

const noMeta = new Uint8Array(0);
const countName = { ABORTED: 'aborted', DROP: 'drop', PASS: 'pass', TX: 'tx', REDIRECT: 'redirect' } as const;

/** Frames of a capture; one that is damaged has those in front of the damage, as everywhere. */
function framesOf(capture: Uint8Array): Uint8Array[] {
  return decodeCapture(capture).packets.map(({ data }) => data);
}
