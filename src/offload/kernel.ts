/**
 * The kernel's side of offload, as bpftool and ip see it: cards, programs, maps, pins and attachments, held in
 * records. Each method is one system call or one command: it leaves everything as it was, or done and kept. What
 * nobody holds any more (no pin, no attachment) goes at the end of it, as file descriptors do when a command ends.
 *
 * Why not count references as Linux does: a count is one more thing that a log has to get right. Who holds what can be
 * read off the records at any time, and there are few of them.
 *
 * Invariants between commands:
 * 1. A program is pinned or attached. A map is pinned, or a program names it.
 * 2. Each number that a record holds (of a pin, an attachment, a program's map) is that of a record that is there.
 * 3. What is bound names a network device that is there, or is an orphan (see `devices.ts`).
 */

import { UserError } from '../base/index.js';
import { type AttachOptions, type AttachType, attachXdp, isBoundTo, setMtu } from './attach.js';
import { addFilter, type FilterRequest, flushFilters, removeFilter, setTcOffload } from './classify.js';
import { addDevice, type DeviceRequest, removeDevice, removePort, setKnob } from './devices.js';
import type { DeviceMapOps, MapControl } from './driver.js';
import { driverOf } from './drivers.js';
import { type Element, Elements, keptTypes, valueBytes } from './elements.js';
import { EventPipes, type PipeRecord } from './events.js';
import { u32At } from './hex.js';
import { createMap, type Loaded, type LoadRequest, loadProgram } from './load.js';
import { type MapRecord, Model, type PinRecord, type ProgRecord, type TrafficRecord } from './model.js';
import { capabilitiesOf } from './nfp/driver.js';
import { DumpCache } from './nfp/dump-cache.js';
import type { MapUse } from './nfp/map-use.js';
import { type Change, Records } from './records.js';
import { OffloadRefusal } from './refusal.js';
import { startTraffic, stopTraffic, Traffic, type TrafficRequest } from './traffic.js';

/** What names a program or a map: its number, or the path that it is pinned at. */
export type ObjectRef = { readonly id: number } | { readonly pinned: string };

/** How a program is loaded by a command: it is pinned, or attached at once. */
export interface LoadCommand extends LoadRequest {
  readonly pin?: string;
  /** Attach it there, which holds it. */
  readonly attach?: { readonly dev: string; readonly type: AttachType; readonly force?: boolean };
  /** Make it a classifier there. */
  readonly filter?: FilterRequest & { readonly dev: string };
  /**
   * `preferred`: a program that the card refuses is loaded for the host, and `fallback` says why. Default `required`.
   */
  readonly offload?: 'required' | 'preferred';
}

/** What a command loaded. */
export interface LoadAnswer extends Loaded {
  /** Why it is not on the card. */
  readonly fallback: string | undefined;
}

/** Elements that a dump has at most: an answer is built in memory as a whole. */
const mostDumped = 1 << 17;

/** The kernel. `keep` is told of each change before it counts: a log. */
export class OffloadKernel {
  readonly model: Model;
  /** What programs leave for readers. No state: it ends with the process. */
  readonly events: EventPipes = new EventPipes();
  private readonly records: Records;
  private readonly keep: (changes: readonly Change[]) => void;
  private readonly traffic: Traffic;
  private readonly clock: () => bigint;
  /** By number of the map; the driver's memory, and no state. */
  private readonly caches = new Map<number, DumpCache>();

  /** `clock`: nanoseconds; without one no time passes. */
  constructor(
    records: Records = new Records(),
    keep: (changes: readonly Change[]) => void = () => undefined,
    clock: () => bigint = () => 0n,
  ) {
    this.records = records;
    this.clock = clock;
    this.model = new Model(records);
    this.traffic = new Traffic(this.model, (map) => this.ops(map));
    this.keep = (changes) => {
      keep(changes);
      this.traffic.hear(changes);
    };
  }

  /** One command. Inside of it an object may be held by nobody, as between load and pin. */
  private do<T>(work: () => T): T {
    return this.records.transact(() => {
      const result = work();
      this.collect();
      return result;
    }, this.keep);
  }

  addDevice(request: DeviceRequest): readonly string[] {
    return this.do(() => addDevice(this.model, request));
  }

  /** A card, or one of its network devices. */
  removeDevice(name: string): void {
    this.do(() => {
      if (this.model.find('netdev', name) === undefined) removeDevice(this.model, name);
      else removePort(this.model, name);
    });
  }

  /** Knobs and capabilities; `hw-tc-offload` is ethtool's. */
  set(name: string, knob: string, on: boolean): void {
    this.do(() =>
      knob === 'hw-tc-offload' ? setTcOffload(this.model, name, on) : setKnob(this.model, name, knob, on),
    );
  }

  setMtu(name: string, mtu: number): void {
    this.do(() => setMtu(this.model, name, mtu));
  }

  /**
   * Loads a program, and pins or attaches it. With `preferred` a second transaction loads it for the host: the first
   * is undone as a whole, so no map stays on the card that the program does not use.
   */
  load(command: LoadCommand): LoadAnswer {
    const found = new Map<number, MapUse>();
    try {
      return this.do(() => this.loadAndHold(command, found));
    } catch (error) {
      this.keepUses(found);
      if (!(error instanceof OffloadRefusal) || command.offload !== 'preferred' || command.dev === undefined)
        throw error;
      const { dev: _, ...host } = command;
      const attach = host.attach === undefined ? {} : { attach: { ...host.attach, type: 'xdpdrv' as const } };
      const answer = this.do(() => this.loadAndHold({ ...host, ...attach }, new Map()));
      return { ...answer, fallback: error.extack ?? error.hint ?? error.message };
    }
  }

  private loadAndHold(command: LoadCommand, found: Map<number, MapUse>): LoadAnswer {
    const loaded = loadProgram(this.model, command, found);
    const { pin, attach, filter } = command;
    const { prog } = loaded;
    if (pin !== undefined) this.addPin(pin, { kind: 'prog', id: prog.id });
    if (attach !== undefined) attachXdp(this.model, attach.dev, attach.type, prog, { force: attach.force === true });
    if (filter !== undefined) addFilter(this.model, filter.dev, prog, filter);
    return { ...loaded, fallback: undefined };
  }

  /**
   * What a refused program was found to do with words of maps that were there before stays known, as in the driver: it
   * notes that in the map while it verifies, and takes nothing back.
   */
  private keepUses(found: ReadonlyMap<number, MapUse>): void {
    this.do(() => {
      for (const [id, use] of found) {
        const map = this.model.find('map', id);
        if (map?.forDevice === true) this.model.put('map', id, { ...map, use });
      }
    });
  }

  /** The program, or the error of asking for what is gone. */
  prog(ref: ObjectRef, what = "can't get prog info"): ProgRecord {
    const prog = this.model.get('prog', this.idOf('prog', ref), what);
    if (prog.forDevice && prog.netdev === '')
      throw new OffloadRefusal(what, 'ENODEV', { hint: 'the card that it was loaded for is gone' });
    return prog;
  }

  /** Programs that are listed: those of cards that are gone are not. */
  progs(): ProgRecord[] {
    return this.model.all('prog').filter(({ forDevice, netdev }) => !forDevice || netdev !== '');
  }

  /** The same for a map (bpf_map_offload_info_fill): ENODEV for an orphan, ENOENT for one that never was. */
  map(ref: ObjectRef, what = "can't get map info"): MapRecord {
    const map = this.model.get('map', this.idOf('map', ref), what);
    if (map.forDevice && map.netdev === '')
      throw new OffloadRefusal(what, 'ENODEV', { hint: 'the card that it was made on is gone' });
    return map;
  }

  /** Those of cards that are gone have lost their numbers in Linux (bpf_map_free_id), so no walk finds them. */
  maps(): MapRecord[] {
    return this.model.all('map').filter(({ forDevice, netdev }) => !forDevice || netdev !== '');
  }

  /** EINVAL for a pin of the other kind, since BPF_OBJ_GET does not ask and bpftool looks at what it got. */
  private idOf(kind: 'prog' | 'map', ref: ObjectRef): number {
    if ('id' in ref) return ref.id;
    const pin = this.model.get('pin', ref.pinned, `bpf obj get (${ref.pinned})`);
    if (pin.kind !== kind)
      throw new OffloadRefusal(`bpf obj get (${ref.pinned})`, 'EINVAL', { hint: `a ${pin.kind} is pinned there` });
    return pin.id;
  }

  pin(kind: 'prog' | 'map', ref: ObjectRef, path: string): void {
    this.do(() => this.addPin(path, { kind, id: kind === 'prog' ? this.prog(ref).id : this.map(ref).id }));
  }

  unpin(path: string): void {
    this.do(() => {
      this.model.get('pin', path, `unlink (${path})`);
      this.model.delete('pin', path);
    });
  }

  /** EEXIST, as for a file: a pin is never overwritten. */
  private addPin(path: string, pin: PinRecord): void {
    if (this.model.find('pin', path) !== undefined)
      throw new OffloadRefusal(`can't pin the object (${path})`, 'EEXIST', {
        hint: 'take another name, or unpin that one',
      });
    this.model.put('pin', path, pin);
  }

  /** Paths that something is pinned at. */
  pinsOf(kind: 'prog' | 'map', id: number): string[] {
    return this.model.names('pin').filter((path) => {
      const pin = this.model.find('pin', path);
      return pin?.kind === kind && pin.id === id;
    });
  }

  attach(dev: string, type: AttachType, ref: ObjectRef | undefined, options: AttachOptions = {}): void {
    this.do(() => {
      // The number of a program whose card is gone is still one that may be tried.
      const prog = ref === undefined ? undefined : this.model.get('prog', this.idOf('prog', ref), 'attach');
      attachXdp(this.model, dev, type, prog, options);
    });
  }

  addFilter(dev: string, ref: ObjectRef, request: FilterRequest): void {
    this.do(() => addFilter(this.model, dev, this.model.get('prog', this.idOf('prog', ref), 'filter'), request));
  }

  removeFilter(dev: string, prio: number, handle: number): void {
    this.do(() => removeFilter(this.model, dev, prio, handle));
  }

  flushFilters(dev: string): void {
    this.do(() => flushFilters(this.model, dev));
  }

  createMap(spec: Parameters<typeof createMap>[1], dev: string | undefined, pin: string): MapRecord {
    return this.do(() => {
      const map = createMap(this.model, spec, dev);
      this.addPin(pin, { kind: 'map', id: map.id });
      return map;
    });
  }

  /** ENOENT where there is no such element. */
  lookup(ref: ObjectRef, key: Uint8Array): Uint8Array {
    const map = this.sized(ref, key, undefined);
    const value = this.control(map).lookup(key);
    if (value === undefined) throw new OffloadRefusal('lookup failed', 'ENOENT');
    return value;
  }

  /** Flags above BPF_EXIST are EINVAL before a driver sees them (bpf_map_offload_update_elem). */
  update(ref: ObjectRef, key: Uint8Array, value: Uint8Array, flags: number): void {
    this.do(() => {
      const map = this.sized(ref, key, value);
      if (flags > 2) throw new OffloadRefusal('update failed', 'EINVAL', { hint: 'flags: any, exist, noexist' });
      this.control(map).update(key, value, flags);
    });
  }

  delete(ref: ObjectRef, key: Uint8Array): void {
    this.do(() => this.control(this.sized(ref, key, undefined)).delete(key));
  }

  /** The key behind `key`, or the first; ENOENT at the end. */
  next(ref: ObjectRef, key: Uint8Array | undefined): Uint8Array {
    const map = this.sized(ref, key, undefined);
    const next = this.control(map).next(key);
    if (next === undefined) throw new OffloadRefusal("can't get next key", 'ENOENT');
    return next;
  }

  startTraffic(request: TrafficRequest): TrafficRecord {
    return this.do(() => startTraffic(this.model, request));
  }

  stopTraffic(name: string): TrafficRecord {
    return this.do(() => stopTraffic(this.model, name));
  }

  /**
   * See {@link Traffic.send}: one transaction; what programs left for readers comes behind it. A source that can't go
   * on is stopped, and its last packets have not arrived. Throws what `keep` threw: none of them has.
   */
  sendTraffic(name: string, most: number, now: () => bigint, mayGoOn: () => boolean = () => true): void {
    let isDecided = false;
    try {
      const events = this.do(() => {
        const left = this.traffic.send(name, most, now, mayGoOn);
        isDecided = true;
        return left;
      });
      for (const { map, index, data } of events) this.events.put(map, index, now(), data);
    } catch (error) {
      this.traffic.forget();
      if (isDecided || !(error instanceof UserError)) throw error;
      this.do(() => this.traffic.halt(name, error.hint ?? error.message));
    }
  }

  /** What came for a reader of a perf event array since it asked last. `now`: milliseconds. */
  takeEvents(ref: ObjectRef, most: number, now: number): { readonly map: number; readonly records: PipeRecord[] } {
    const map = this.map(ref);
    if (map.type !== 'perf_event_array')
      throw new OffloadRefusal('event pipe', 'EINVAL', { hint: `map ${map.id} is a ${map.type}` });
    return { map: map.id, records: this.events.take(map.id, most, now) };
  }

  /** All elements, in the order of a walk. */
  dump(ref: ObjectRef): readonly Element[] {
    const map = this.map(ref);
    const held = map.type.endsWith('array') ? map.maxEntries : this.records.count(`elem/${map.id}/`);
    if (held > mostDumped)
      throw new OffloadRefusal('dump', 'E2BIG', { hint: `more than ${mostDumped} elements: walk with getnext` });
    return this.ops(map).all();
  }

  /** EINVAL: bpf(2) would read as many bytes as the map has, bpftool checks what was typed. Both are one here. */
  private sized(ref: ObjectRef, key: Uint8Array | undefined, value: Uint8Array | undefined): MapRecord {
    const map = this.map(ref);
    const isWrong = (bytes: Uint8Array | undefined, size: number): boolean =>
      bytes !== undefined && bytes.length !== size;
    if (isWrong(key, map.keySize))
      throw new OffloadRefusal('key', 'EINVAL', {
        hint: `it has ${key?.length} bytes, those of map ${map.id} have ${map.keySize}`,
      });
    if (isWrong(value, valueBytes(map)))
      throw new OffloadRefusal('value', 'EINVAL', {
        hint: `it has ${value?.length} bytes, those of map ${map.id} have ${valueBytes(map)}`,
      });
    if (map.type === 'prog_array' && value !== undefined) this.mayBeCalled(map, u32At(value));
    return map;
  }

  /** A slot of a program array takes programs that run where it is; for bpf(2) a wrong descriptor is EBADF. */
  private mayBeCalled(map: MapRecord, id: number): void {
    const prog = this.model.find('prog', id);
    if (prog === undefined) throw new OffloadRefusal('update failed', 'EBADF', { hint: `there is no program ${id}` });
    const device = map.forDevice ? this.model.find('netdev', map.netdev)?.device : undefined;
    const isHere = map.forDevice ? device !== undefined && isBoundTo(this.model, prog, device) : !prog.forDevice;
    if (!isHere || prog.type !== 'xdp')
      throw new OffloadRefusal('update failed', 'EINVAL', {
        hint: `program ${id} is no XDP program of ${device === undefined ? 'the host' : `card ${device}`}`,
      });
  }

  /** Operations by where the map lives: a card asks its driver, since what is stored there may be in another order. */
  private ops(map: MapRecord): DeviceMapOps {
    if (map.forDevice) {
      const netdev = this.model.get('netdev', map.netdev, 'map');
      const device = this.model.get('device', netdev.device, 'map');
      return driverOf(device).mapOps(this.model, device, map);
    }
    if (keptTypes.has(map.type)) return new Elements(this.records, map);
    throw new OffloadRefusal('map', 'EOPNOTSUPP', { hint: `what a ${map.type} on the host holds is not kept here` });
  }

  /** Operations as who calls bpf(2) has them: between them and a card of Netronome's the driver has a cache. */
  private control(map: MapRecord): MapControl {
    const ops = this.ops(map);
    const netdev = map.forDevice ? this.model.find('netdev', map.netdev) : undefined;
    const device = netdev === undefined ? undefined : this.model.find('device', netdev.device);
    if (device?.driver !== 'nfp') return ops;
    const cache = this.caches.get(map.id) ?? new DumpCache();
    this.caches.set(map.id, cache);
    return cache.over(ops, capabilitiesOf(device).multiEntry, this.clock);
  }

  /** Messages that a map's control plane sent to its card since the start. */
  messagesOf(map: number): number {
    return this.caches.get(map)?.messages ?? 0;
  }

  /**
   * What nobody holds goes: programs first, then maps that only they held. A program array holds programs as long as
   * it is pinned; without a pin the kernel empties it (bpf_map_put_uref), or two could hold each other for ever.
   */
  private collect(): void {
    const { model } = this;
    const pins = model.all('pin');
    const maps = new Set(pins.filter(({ kind }) => kind === 'map').map(({ id }) => id));
    const held = new Set(pins.filter(({ kind }) => kind === 'prog').map(({ id }) => id));
    for (const { xdp, filters } of model.all('netdev')) {
      for (const id of Object.values(xdp)) held.add(id);
      for (const { prog } of filters) held.add(prog);
    }
    for (const map of model.all('map')) {
      if (map.type !== 'prog_array') continue;
      const elements = new Elements(this.records, map);
      if (!maps.has(map.id)) elements.clear();
      for (const { value } of elements.all()) held.add(u32At(value));
    }
    for (const { id } of model.all('prog')) if (!held.has(id)) model.delete('prog', id);
    for (const { mapIds } of model.all('prog')) for (const id of mapIds) maps.add(id);
    for (const map of model.all('map')) {
      if (maps.has(map.id)) continue;
      new Elements(this.records, map).clear();
      model.delete('map', map.id);
      this.events.close(map.id);
      this.caches.delete(map.id);
    }
  }
}
