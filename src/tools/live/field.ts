/**
 * A veth pair in a network namespace of this process, a program on one end by a link that is held here, and frames
 * into the other end. `npm run live` starts itself within a new namespace; the pair goes with it.
 *
 * Frames are sent by a program that redirects out of the other end, in test runs with live frames: the kernel makes
 * them, without a system call for each, and each is seen by the program under test as one from the wire.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { assembleInsns, encodeInsns } from '../../isa/index.js';
import { Bpf, KernelIds, KernelObject, possibleCpus, Route } from '../../linux/index.js';
import { type JournalEntry, LivePlace, readJournal } from '../../live/index.js';
import { tableMaps, tableObject, tablePacket, word } from './table-program.js';

/** Interfaces of the pair. */
export const device = 'jnlive0';
const peer = 'jnlive1';
/** BPF_F_TEST_XDP_LIVE_FRAMES (include/uapi/linux/bpf.h): what the program returns is done. */
const liveFrames = 2;
/** Frames of one call. */
const burst = 64;
/** Keys of the table, more than are written out as a whole. */
export const keys = 40;

/** Counts of the program in it. */
export interface FieldCounts {
  readonly fresh: number;
  readonly stale: number;
  readonly missing: number;
}

/** The pair with the table program. */
export class Field {
  readonly bpf: Bpf = Bpf.open();
  readonly ids: KernelIds = new KernelIds();
  readonly kernel: KernelObject;
  readonly place: LivePlace;
  readonly programId: number;
  private readonly sender: number;
  /** The number that the table has for each key. */
  private readonly numbers: number[] = [];
  sent = 0;

  constructor() {
    execFileSync('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', peer]);
    for (const name of [device, peer]) execFileSync('ip', ['link', 'set', name, 'up']);
    this.kernel = KernelObject.load(this.bpf, tableObject());
    const fd = this.kernel.programFd('table') ?? -1;
    this.programId = this.ids.program(fd).id;
    for (let key = 0; key < keys; key++) this.set(key, 1);
    const ifindex = this.ifindex(device);
    const link = this.bpf.linkXdp(fd, ifindex);
    if (link < 0) throw new Error(`the program is not attached: ${link}`);
    this.place = new LivePlace(ifindex);
    rmSync(this.place.folder, { recursive: true, force: true });
    const text = `r1 = ${this.ifindex(peer)}\nr2 = 0\ncall 23\nexit`;
    const loaded = this.bpf.progLoad({ insns: encodeInsns(assembleInsns(text)), license: 'GPL', name: 'send' });
    if (!('fd' in loaded)) throw new Error(loaded.log);
    this.sender = loaded.fd;
  }

  /** The control plane's change: a new number for a key. */
  set(key: number, number: number): void {
    this.numbers[key] = number;
    const status = this.bpf.mapUpdate(this.kernel.maps[tableMaps.table]?.fd ?? -1, word(key), word(number));
    if (status < 0) throw new Error(`the table takes no number: ${status}`);
  }

  /** Gives a key its next number. */
  bump(key: number): void {
    this.set(key, (this.numbers[key] ?? 0) + 1);
  }

  /** Sends a burst for a key, saying the number that the table has now. */
  send(key: number, times = 1): void {
    const data = tablePacket(key, this.numbers[key] ?? 0);
    for (let i = 0; i < times; i++) {
      const { status } = this.bpf.testRun(this.sender, { data, repeat: burst, flags: liveFrames });
      if (status < 0) throw new Error(`frames are not sent: ${status}`);
      this.sent += burst;
    }
  }

  /** Sums over all CPUs; the map has a value for each, and frames are received on any of them. */
  counts(): FieldCounts {
    const fd = this.kernel.maps[tableMaps.counts]?.fd ?? -1;
    const [fresh = 0, stale = 0, missing = 0] = [0, 1, 2].map((index) => {
      const values = this.bpf.mapLookup(fd, word(index), 8 * possibleCpus());
      if (typeof values === 'number') return Number.NaN;
      return [...new BigUint64Array(values.slice().buffer)].reduce((sum, value) => sum + Number(value), 0);
    });
    return { fresh, stale, missing };
  }

  /** Waits until all that was sent was counted, or nothing more comes. */
  async settled(): Promise<FieldCounts> {
    let last = -1;
    for (;;) {
      const counts = this.counts();
      const sum = counts.fresh + counts.stale + counts.missing;
      if (sum === this.sent || sum === last) return counts;
      last = sum;
      await new Promise((done) => setTimeout(done, 300));
    }
  }

  /** Id of what is attached. */
  attached(): number {
    const route = new Route();
    const id = route.interface(device)?.programId ?? 0;
    route.close();
    return id;
  }

  /** What the sessions on this interface wrote so far, across kills. */
  journal(): JournalEntry[] {
    return readJournal(this.place.journal);
  }

  /** A process that looks after the device; options as of a session. */
  look(options: Readonly<Record<string, number>>): ChildProcess {
    const script = fileURLToPath(new URL('./keeper.js', import.meta.url));
    return spawn(process.execPath, [script, device, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Sends two frequent keys and some others until `isDone`, or for so many seconds. False: it never was. */
  async traffic(seconds: number, isDone: () => boolean, each?: () => void): Promise<boolean> {
    const end = performance.now() + seconds * 1000;
    for (let i = 0; performance.now() < end; i++) {
      each?.();
      this.send(i % 16 === 15 ? i % keys : i % 2);
      if (i % 16 === 0) {
        if (isDone()) return true;
        await new Promise((done) => setImmediate(done));
      }
    }
    return isDone();
  }

  /** The other end of the pair goes with this one. */
  close(): void {
    this.bpf.close(this.sender);
    this.kernel.close();
    execFileSync('ip', ['link', 'del', device]);
  }

  /** 0 where there is no such interface. */
  private ifindex(name: string): number {
    const route = new Route();
    const found = route.interface(name)?.ifindex ?? 0;
    route.close();
    return found;
  }
}
