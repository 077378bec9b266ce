/**
 * An attached program that is looked after: taken over, observed, specialised while its tables stay as they are, and
 * put back. What is attached is at any moment the original, the original with notes of samples, or the original with
 * guarded comparisons in front of look-ups; each swap is atomic. Dies this process, what is attached then stays, with
 * its guards, since the watcher is pinned.
 *
 * Order is what keeps decisions right:
 *   1. Maps are watched before they are read, and the epoch that was read with them is built into the version.
 *   2. What is attached is written to the state before it is swapped in, so that whoever comes later can put it back.
 *   3. A version is attached only if epoch and events are still those of the reading; a change afterwards is seen by
 *      its guards, packet by packet, and by this process only at its next look.
 *
 * Versions are made in small shares of time (`overhead`, `budget`), so that looking after costs less than it brings.
 */
import { InputError } from '../base/index.js';
import { Bpf, KernelIds, possibleCpus } from '../linux/index.js';
import type { ObjectSpec } from '../object/index.js';
import { errnoName } from '../platform/index.js';
import { verify } from '../verifier/index.js';
import { attachedProgram, findAttachment, swap } from './attachment.js';
import { type Choice, chooseSite, MapPenalties, profileOf, type SiteProfile, samePlans, smallTable } from './choose.js';
import { allEntries, entryAt, readSteady } from './contents.js';
import { type Instrumented, instrument, readSamples, type Samples } from './instrument.js';
import { type JournalEntry, type JournalKind, writeJournal } from './journal.js';
import { ownMap } from './own-map.js';
import { type LivePlan, planLive } from './plan.js';
import { putBack } from './put-back.js';
import { unsteadyMaps } from './read-only.js';
import { type ShadowPacket, shadowRun } from './shadow.js';
import type { LookupSite } from './sites.js';
import { type SitePlan, specialise } from './specialise.js';
import { isLookedAfter, LivePlace, type LiveView, startOf } from './state.js';
import { loadVersion } from './taken-program.js';
import { installWatcher, othersEnded, readGuard, type Watcher } from './watcher.js';

/** How a program is looked after. */
export interface LiveOptions {
  /** Object file that it may have been loaded from. */
  readonly object?: ObjectSpec | undefined;
  /** Share of time in which samples are taken. Default 0.01. */
  readonly overhead?: number | undefined;
  /** Share of a processor that making versions may take. Default 0.05. */
  readonly budget?: number | undefined;
  /** Seconds between two looks. Default 1. */
  readonly period?: number | undefined;
  /** One look-up in 2^rate is noted. Default 3. */
  readonly rate?: number | undefined;
  /** How many times as long as the original a version may take before it is taken back. Default 1.02. */
  readonly tolerance?: number | undefined;
  /** Seconds that a map has to be quiet after it ended a version for the first time. Default 0.5. */
  readonly wait?: number | undefined;
  /** Told of each entry of the journal. */
  readonly told?: ((entry: JournalEntry) => void) | undefined;
}

/** A version with comparisons. */
interface Version {
  readonly id: number;
  readonly fd: number;
  readonly plans: readonly SitePlan[];
  readonly epoch: bigint;
  readonly made: number;
  /** How often each map had changed when it was made, by index. */
  readonly changes: ReadonlyMap<number, number>;
}

/** Seconds in which samples are taken: at first, and at most. */
const sampleTime = 0.05;
const longestSampleTime = 0.8;
/** Seconds after attaching until the first version. */
const firstMake = 1;
/** Samples of a site that are enough. */
const enoughSamples = 64;
/** How much slower than the original a version may be measured before it is taken back. */
const tolerance = 1.02;
/** Runs of each side without which nothing is concluded. */
const leastRuns = 2000;
const measureTime = 0.04;

/** Seconds of a turn at most. */
const longestMeasure = 1;
const now = (): number => performance.now() / 1000;
const sleep = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

/** Looks after one interface. */
export class LiveSession {
  readonly place: LivePlace;
  private readonly bpf: Bpf;
  private readonly ids: KernelIds;
  private readonly options: LiveOptions;
  private readonly plan: LivePlan;
  private readonly watcher: Watcher;
  private readonly penalties: MapPenalties;
  private readonly started = now();
  private readonly versionIds: number[] = [];
  private current: { readonly id: number; readonly fd: number };
  private version: Version | undefined;
  private instrumented:
    | (Instrumented & { readonly fd: number; readonly id: number; readonly mapFd: number })
    | undefined;
  private profiles: readonly SiteProfile[] = [];
  private packets: readonly ShadowPacket[] = [];
  private nextSample = 0;
  private nextMeasure = 0;
  private spent = 0;
  private window = sampleTime;
  private lastSwap = 0;
  /** After a version was refused no other one is made until then; each refusal in a row doubles the wait. */
  private retryAt = 0;
  private refusals = 0;
  private view: LiveView;
  /** Versions that our verifier has seen, but for the epoch. */
  private readonly accepted = new Set<string>();

  private constructor(
    bpf: Bpf,
    ids: KernelIds,
    plan: LivePlan,
    place: LivePlace,
    watcher: Watcher,
    options: LiveOptions,
  ) {
    this.bpf = bpf;
    this.ids = ids;
    this.plan = plan;
    this.place = place;
    this.watcher = watcher;
    this.options = options;
    this.penalties = new MapPenalties(options.wait ?? 0.5);
    this.current = { id: plan.taken.info.id, fd: plan.taken.fd };
    this.view = {
      running: 'original',
      versions: 0,
      swaps: 0,
      rollbacks: 0,
      changes: 0,
      packetsPerSecond: undefined,
      hitRate: undefined,
      originalNs: undefined,
      versionNs: undefined,
      sites: [],
    };
  }

  /** Takes an interface's program over. What a killed process left is put back first. Throws with why it can't. */
  static attach(device: string, options: LiveOptions = {}): LiveSession {
    const bpf = Bpf.open();
    const ids = new KernelIds();
    const before = findAttachment(ids, device);
    const place = new LivePlace(before.ifindex);
    const state = place.read();
    if (state !== undefined) {
      if (isLookedAfter(state)) {
        throw new InputError(
          `\`${device}\` is looked after by process ${state.pid}`,
          {},
          `jitnic live detach ${device}`,
        );
      }
      putBack(bpf, ids, place, state);
    }
    const plan = planLive(bpf, ids, device, options.object);
    let watcher: Watcher | undefined;
    try {
      place.make();
      watcher = installWatcher(bpf, ids);
      const pins = [
        [plan.taken.fd, 'original'],
        [watcher.linkFds[0] ?? -1, 'exit'],
        [watcher.linkFds[1] ?? -1, 'enter'],
      ] as const;
      for (const [fd, name] of pins) {
        const status = bpf.pin(fd, place.pin(name));
        if (status < 0) throw new InputError(`nothing can be pinned at ${place.pins}: ${errnoName(status)}`);
      }
      const session = new LiveSession(bpf, ids, plan, place, watcher, options);
      session.save();
      const { info } = plan.taken;
      session.tell('attached', `program ${info.id} (\`${info.name}\`), tag ${info.tag} equal, of \`${device}\``);
      return session;
    } catch (error) {
      place.clear();
      for (const fd of watcher?.linkFds ?? []) ids.close(fd);
      plan.taken.close();
      throw error;
    }
  }

  /** Looks after it until `stopped` resolves, then puts the original back. */
  async run(stopped: Promise<unknown>): Promise<void> {
    let isStopped = false;
    const stop = stopped.then(() => {
      isStopped = true;
    });
    try {
      while (!isStopped) {
        if (!(await this.step())) return;
        await Promise.race([sleep(this.options.period ?? 1), stop]);
      }
    } finally {
      this.detach();
    }
  }

  /** One look. False: somebody else took the program away, there is nothing to look after any more. */
  async step(): Promise<boolean> {
    if (!this.isOurs()) return false;
    this.look();
    const time = now();
    if (this.plan.sites.length > 0 && time >= this.nextSample) {
      const samples = await this.observe();
      const isEnough = samples?.sites.some(({ keys }) => keys.length >= enoughSamples) === true;
      if (samples !== undefined && (isEnough || this.profiles.length === 0))
        this.profiles = samples.sites.map(profileOf);
      this.nextSample = now() + this.window / (this.options.overhead ?? 0.01);
      // Little traffic is watched for longer, and less often.
      this.window = isEnough ? sampleTime : Math.min(this.window * 2, longestSampleTime);
    }
    if (this.plan.sites.length > 0) this.decide();
    if (this.version !== undefined && now() >= this.nextMeasure) await this.measure();
    this.save();
    return true;
  }

  /** Puts the original back and takes everything away that was made. */
  detach(): void {
    const { taken, attachment } = this.plan;
    if (attachedProgram(attachment.device) === this.current.id) {
      if (this.current.fd !== taken.fd) swap(this.ids, attachment, taken.fd, this.current.fd);
      this.tell('detached', `program ${taken.info.id} is back`);
    } else this.tell('detached', 'somebody else changed what is attached; it stays as it is');
    this.place.clear();
    for (const fd of this.watcher.linkFds) this.ids.close(fd);
    for (const fd of [this.watcher.guardFd, this.watcher.watchedFd]) this.ids.close(fd);
    this.drop(this.version);
    if (this.instrumented !== undefined)
      for (const fd of [this.instrumented.fd, this.instrumented.mapFd]) this.ids.close(fd);
    taken.close();
  }

  /** Somebody else's program is never replaced: whoever attached it meant it. */
  private isOurs(): boolean {
    const id = attachedProgram(this.plan.attachment.device);
    if (id === this.current.id) return true;
    this.tell('failed', id === 0 ? 'nothing is attached any more' : `somebody else attached program ${id}`);
    return false;
  }

  /** Has a change ended the version? Its guards have turned it into the original already. */
  private look(): void {
    const { version } = this;
    const guard = readGuard(this.bpf, this.watcher.guardFd);
    this.view = { ...this.view, changes: Number(guard.changes) };
    if (version === undefined || guard.epoch === version.epoch) return;
    const lived = now() - version.made;
    const counts = this.changeCounts();
    const changed = [...version.changes].filter(([map, count]) => counts.get(map) !== count).map(([map]) => map);
    const names =
      changed.map((map) => `\`${this.plan.taken.object.maps[map]?.name}\``).join(', ') || 'programs or maps of maps';
    this.tell('invalidated', `version ${version.id} after ${lived.toFixed(2)} s: ${names} changed`);
    for (const map of changed) {
      const { wait } = this.penalties.ended(map, now(), lived);
      const name = this.plan.taken.object.maps[map]?.name;
      if (wait === Number.POSITIVE_INFINITY) this.tell('penalty', `\`${name}\` changes too often and is left alone`);
      else if (wait > 0) this.tell('penalty', `\`${name}\` has to be quiet for ${wait.toFixed(1)} s`);
    }
    this.put(this.plan.taken.fd, this.plan.taken.info.id, 'original');
    this.drop(version);
    this.version = undefined;
  }

  /** How often each of the program's maps has changed since it is watched. */
  private changeCounts(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const [index, { info }] of this.plan.taken.maps.entries()) {
      const value = this.bpf.mapLookup(this.watcher.watchedFd, word(info.id), 4);
      if (typeof value !== 'number') counts.set(index, new DataView(value.buffer).getUint32(0, true));
    }
    return counts;
  }

  /** A moment with the version that takes notes, then back to what was there. */
  private async observe(): Promise<Samples | undefined> {
    const rate = this.options.rate ?? 3;
    const instrumented = this.instrumentedVersion(rate);
    if (instrumented === undefined) return undefined;
    this.bpf.mapUpdate(instrumented.mapFd, new Uint8Array(4), new Uint8Array(instrumented.samples.valueSize));
    const before = this.current;
    const running = this.view.running;
    const from = now();
    this.put(instrumented.fd, instrumented.id, 'observing');
    await sleep(this.window);
    this.put(before.fd, before.id, running);
    const took = now() - from;
    const bytes = this.bpf.mapLookup(instrumented.mapFd, new Uint8Array(4), instrumented.samples.valueSize);
    if (typeof bytes === 'number') return undefined;
    const samples = readSamples(bytes, instrumented.layout, rate);
    this.packets = [...samples.noted, ...this.packets].slice(0, 128);
    this.view = { ...this.view, packetsPerSecond: samples.packets / took };
    this.tell('observed', `${samples.packets} packets in ${(took * 1000).toFixed(0)} ms, ${this.packets.length} kept`);
    return samples;
  }

  /** Made once: it does not depend on what tables hold, so its map is zeroed before each use instead. */
  private instrumentedVersion(rate: number): LiveSession['instrumented'] {
    if (this.instrumented !== undefined) return this.instrumented;
    const { taken, sites, traits } = this.plan;
    const made = instrument(taken.program, taken.maps.length, sites, { cpus: possibleCpus(), rate });
    if (made === undefined) return undefined;
    const { samples } = made;
    const mapFd = ownMap(this.bpf, samples);
    const loaded = loadVersion(this.bpf, taken, made.program, { ...traits, name: 'jitnic_observe', moreMaps: [mapFd] });
    if (!('fd' in loaded)) {
      this.tell('refused', `the kernel does not take the version that takes notes: ${errnoName(loaded.errno)}`);
      this.nextSample = Number.POSITIVE_INFINITY;
      this.ids.close(mapFd);
      return undefined;
    }
    const { id } = this.ids.program(loaded.fd);
    this.versionIds.push(id);
    this.instrumented = { ...made, fd: loaded.fd, id, mapFd };
    return this.instrumented;
  }

  /** Makes a version where the samples say that one is worth it, and another one than runs. */
  private decide(): void {
    // What was under way when the watcher came has not been seen to begin; it is over by now.
    if (now() < this.started + firstMake || now() < this.retryAt) return;
    if (this.spent > (now() - this.started) * (this.options.budget ?? 0.05) + 0.5) return;
    const before = process.cpuUsage();
    try {
      this.make();
    } finally {
      const { user, system } = process.cpuUsage(before);
      this.spent += (user + system) / 1e6;
    }
  }

  private make(): void {
    const { taken, sites } = this.plan;
    const time = now();
    const candidates = sites.filter(({ map }) => this.penalties.allows(map, time));
    if (candidates.length === 0 || this.profiles.length === 0) return;
    const relied = (this.version?.plans ?? []).map(({ site }) => site.map);
    // Watched first, then looked at: what comes in between is seen.
    this.watch(new Set([...candidates.map(({ map }) => map), ...relied]));
    if (!othersEnded(this.bpf, this.watcher.guardFd)) return;
    const { events } = readGuard(this.bpf, this.watcher.guardFd);
    const own = new Set([...this.versionIds, this.current.id]);
    const unsteady = unsteadyMaps(this.bpf, this.ids, taken, own);
    const used = candidates.filter(({ map }) => unsteady[map] === undefined);
    this.watch(new Set([...used.map(({ map }) => map), ...relied]));
    const steady = readSteady(this.bpf, this.watcher.guardFd, () => this.choose(used));
    if (steady === undefined) return;
    const choices = steady.value;
    const plans = choices.map(({ plan }) => plan);
    if (plans.length === 0 || (this.version !== undefined && samePlans(plans, this.version.plans))) return;
    const from = performance.now();
    const version = this.build(plans, steady.epoch);
    if (version === undefined) return;
    const after = readGuard(this.bpf, this.watcher.guardFd);
    // What was true of other programs when the maps were chosen has to be true of this version still.
    if (after.epoch !== steady.epoch || after.events !== events) {
      this.drop(version);
      return;
    }
    this.refusals = 0;
    const took = performance.now() - from;
    const old = this.version;
    this.put(version.fd, version.id, 'specialised');
    this.drop(old);
    this.version = version;
    this.nextMeasure = now() + 0.2;
    const hits = choices.reduce((sum, each) => sum + each.hits, 0) / choices.length;
    this.view = {
      ...this.view,
      hitRate: hits,
      versions: this.view.versions + 1,
      sites: choices.map((choice) => ({ map: this.nameOf(choice), what: wordsOf(choice) })),
    };
    const what = choices.map((choice) => `\`${this.nameOf(choice)}\` ${wordsOf(choice)}`).join(', ');
    this.tell(
      'swapped',
      `version ${version.id} in ${took.toFixed(0)} ms, swap ${this.lastSwap.toFixed(2)} ms: ${what}`,
    );
  }

  /** For people: the map's name, as the kernel has it. */
  private nameOf({ plan }: Choice): string {
    return this.plan.taken.object.maps[plan.site.map]?.name ?? '';
  }

  /** What is worth it at each site, with what the tables hold now. */
  private choose(sites: readonly LookupSite[]): Choice[] {
    const { taken } = this.plan;
    const tables = new Map<number, ReturnType<typeof allEntries>>();
    return sites.flatMap((site): Choice[] => {
      const profile = this.profiles.find((each) => each.site === site);
      const map = taken.maps[site.map];
      const spec = taken.object.maps[site.map];
      if (profile === undefined || map === undefined || spec === undefined) return [];
      if (!tables.has(site.map)) tables.set(site.map, allEntries(this.bpf, map.fd, spec, smallTable));
      const choice = chooseSite(profile, {
        type: spec.type,
        all: tables.get(site.map),
        at: (key) => entryAt(this.bpf, map.fd, key, spec.valueSize),
      });
      return choice === undefined ? [] : [choice];
    });
  }

  /** Watches these maps and no others: what a version does not rely on may change as it likes. */
  private watch(maps: ReadonlySet<number>): void {
    const noReplace = 1n;
    for (const [index, { info }] of this.plan.taken.maps.entries()) {
      if (maps.has(index)) this.bpf.mapUpdate(this.watcher.watchedFd, word(info.id), word(0), noReplace);
      else this.bpf.mapDelete(this.watcher.watchedFd, word(info.id));
    }
  }

  /** A version that both verifiers take and that does what the original does with the packets that were noted. */
  private build(plans: readonly SitePlan[], epoch: bigint): Version | undefined {
    const { taken, traits } = this.plan;
    const made = specialise(taken.program, taken.maps.length, plans, epoch);
    if (made === undefined) return this.refuse('it grows past what jumps reach');
    const maps = [...taken.object.maps, made.guard, made.values];
    const shape = JSON.stringify(specialise(taken.program, taken.maps.length, plans, 0n)?.program.insns);
    if (!this.accepted.has(shape)) {
      const { btf, kernelBtf, license } = taken.object;
      const result = verify(made.program, maps, { btf, kernelBtf, license, logLevel: 0 });
      if (!result.accepted) return this.refuse(`our verifier does not accept it: ${result.message ?? ''}`);
      this.accepted.add(shape);
    }
    const { values } = made;
    const valuesFd = ownMap(this.bpf, values);
    if (valuesFd < 0) return this.refuse(`no map for values: ${errnoName(valuesFd)}`);
    this.bpf.mapUpdate(valuesFd, new Uint8Array(4), made.bytes);
    const moreMaps = [this.watcher.guardFd, valuesFd];
    try {
      const name = 'jitnic_version';
      const loaded = loadVersion(this.bpf, taken, made.program, { ...traits, name, moreMaps });
      if (!('fd' in loaded)) return this.refuse(`the kernel does not accept it: ${errnoName(loaded.errno)}`);
      const shadow = shadowRun(this.bpf, this.ids, taken, { program: made.program, moreMaps }, this.packets, traits);
      if (shadow.kind === 'differs') {
        this.ids.close(loaded.fd);
        return this.refuse(`it differs from the original: ${shadow.why}`);
      }
      const { id } = this.ids.program(loaded.fd);
      this.versionIds.push(id);
      const label = shadow.kind === 'same' ? `equal on ${shadow.packets} packets` : `not tried: ${shadow.why}`;
      this.tell('made', `version ${id}: by rule, both verifiers, ${label}`);
      return { id, fd: loaded.fd, plans, epoch, made: now(), changes: this.changeCounts() };
    } finally {
      this.ids.close(valuesFd);
    }
  }

  /** Waits double up to 2^10 seconds: what was refused once is likely to be refused again. */
  private refuse(why: string): undefined {
    this.retryAt = now() + 2 ** Math.min(this.refusals++, 10);
    this.tell('refused', `no version: ${why}`);
    return undefined;
  }

  /** Original and version in turns under the same traffic; a slower version is taken back. */
  private async measure(): Promise<void> {
    const { version } = this;
    if (version === undefined) return;
    this.nextMeasure = now() + 10;
    const statistics = this.ids.enableStatistics();
    if (statistics < 0) return;
    const { taken } = this.plan;
    const sum = { original: { ns: 0n, runs: 0n }, version: { ns: 0n, runs: 0n } };
    let time = measureTime;
    try {
      for (const side of ['version', 'original', 'version', 'original'] as const) {
        const { fd, id } = side === 'original' ? { fd: taken.fd, id: taken.info.id } : version;
        this.put(fd, id, side === 'original' ? 'original' : 'specialised');
        const before = this.ids.program(fd);
        await sleep(time);
        const after = this.ids.program(fd);
        const runs = Math.max(1, Number(after.runCount - before.runCount));
        // Little traffic takes longer to say anything; where a second does not do, nobody gains by knowing.
        time = Math.min(longestMeasure, Math.max(time, (time * leastRuns) / runs));
        sum[side].ns += after.runTime - before.runTime;
        sum[side].runs += after.runCount - before.runCount;
      }
    } finally {
      this.ids.close(statistics);
      this.put(version.fd, version.id, 'specialised');
    }
    if (sum.original.runs < leastRuns || sum.version.runs < leastRuns) return;
    const originalNs = Number(sum.original.ns) / Number(sum.original.runs);
    const versionNs = Number(sum.version.ns) / Number(sum.version.runs);
    this.view = { ...this.view, originalNs, versionNs };
    const text = `${originalNs.toFixed(1)} ns a packet, version ${version.id} ${versionNs.toFixed(1)} ns`;
    this.tell('measured', text);
    if (versionNs <= originalNs * (this.options.tolerance ?? tolerance)) return;
    this.put(taken.fd, taken.info.id, 'original');
    for (const { site } of version.plans) this.penalties.ended(site.map, now(), 0);
    this.view = { ...this.view, rollbacks: this.view.rollbacks + 1 };
    this.tell('rolled back', `version ${version.id} is slower than the original (${text})`);
    this.drop(version);
    this.version = undefined;
  }

  /** Swaps, if it is another one than runs. Where it is told is written first: a killed process leaves no riddle. */
  private put(fd: number, id: number, running: LiveView['running']): void {
    if (id === this.current.id) return;
    this.view = { ...this.view, running, swaps: this.view.swaps + 1 };
    this.save();
    const from = performance.now();
    swap(this.ids, this.plan.attachment, fd, this.current.fd);
    this.lastSwap = performance.now() - from;
    this.current = { id, fd };
  }

  /** Lets go of a version: the kernel keeps it as long as it is attached. */
  private drop(version: Version | undefined): void {
    if (version !== undefined) this.ids.close(version.fd);
  }

  private tell(kind: JournalKind, what: string): void {
    const entry = writeJournal(this.place.journal, kind, what);
    this.options.told?.(entry);
  }

  /** A whole file each time, written beside and renamed (state.ts). */
  private save(): void {
    const { info } = this.plan.taken;
    this.place.write({
      attachment: this.plan.attachment,
      pid: process.pid,
      started: startOf(process.pid) ?? 0,
      since: Date.now() / 1000,
      program: { id: info.id, name: info.name, tag: info.tag },
      versionIds: this.versionIds,
      view: this.view,
    });
  }
}

/** A key of a map, or a value of 4 bytes. */
function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** What was done at a site, for journal and view. */
function wordsOf({ plan, hits }: Choice): string {
  if (plan.isWhole && plan.entries.length === 0) return 'is empty';
  if (plan.isWhole) return `written out (${plan.entries.length} entries)`;
  return `${plan.entries.length} keys compared (${(100 * hits).toFixed(0)} % of look-ups)`;
}
