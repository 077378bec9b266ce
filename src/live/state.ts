/**
 * What is left where others find it: pins in the BPF file system, which outlive a killed process (the original program
 * and the watcher's links), and a file with what is attached, beside the journal. One folder an interface, named by
 * network namespace and number.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { UnsupportedError } from '../base/index.js';
import type { Attachment } from './attachment.js';

/** What `/run/jitnic/live/KEY/state.json` has. */
export interface LiveState {
  readonly attachment: Attachment;
  /** Process that looks after it, and when that began (hundredths of seconds since the machine did). */
  readonly pid: number;
  readonly started: number;
  /** Seconds since 1970. */
  readonly since: number;
  readonly program: { readonly id: number; readonly name: string; readonly tag: string };
  /** Ids of versions that may be attached, latest last. */
  readonly versionIds: readonly number[];
  readonly view: LiveView;
}

/** What a person wants to see of it. */
export interface LiveView {
  /** What is attached now. */
  readonly running: 'original' | 'observing' | 'specialised';
  readonly versions: number;
  readonly swaps: number;
  readonly rollbacks: number;
  readonly changes: number;
  readonly packetsPerSecond: number | undefined;
  /** Share of sampled look-ups that comparisons answer. */
  readonly hitRate: number | undefined;
  /** Nanoseconds a packet of original and version, when they were last compared. */
  readonly originalNs: number | undefined;
  readonly versionNs: number | undefined;
  readonly sites: readonly { readonly map: string; readonly what: string }[];
}

/** Both are emptied when the machine starts, as attached programs are. */
const runFolder = '/run/jitnic/live';
const bpfFolder = '/sys/fs/bpf/jitnic/live';
/** Magic number of the BPF file system (statfs). */
const bpfMagic = 0xcafe4a11;

/** Where an interface of this network namespace has its things. */
export class LivePlace {
  readonly folder: string;
  readonly pins: string;

  constructor(ifindex: number) {
    const namespace = readlinkSync('/proc/self/ns/net').replace(/\D/g, '');
    this.folder = join(runFolder, `${namespace}-${ifindex}`);
    this.pins = join(bpfFolder, `${namespace}-${ifindex}`);
  }

  /** Kept when the rest is cleared: it tells what was, over all sessions of the interface. */
  get journal(): string {
    return join(this.folder, 'journal.jsonl');
  }

  /** Path of a pin: the program that was found, or one of the watcher's links. */
  pin(name: 'original' | 'enter' | 'exit'): string {
    return join(this.pins, name);
  }

  /** Throws UnsupportedError where pins cannot be made. */
  make(): void {
    if (!existsSync('/sys/fs/bpf') || statfsSync('/sys/fs/bpf').type !== bpfMagic) {
      throw new UnsupportedError(
        'there is no BPF file system at /sys/fs/bpf, so nothing would guard a version once this process is killed',
        {},
        'run `mount -t bpf bpf /sys/fs/bpf`; within `ip netns exec` it is hidden, use `nsenter --net=/run/netns/NAME`',
      );
    }
    mkdirSync(this.pins, { recursive: true });
    mkdirSync(this.folder, { recursive: true });
  }

  /** What the last session left; undefined: nothing is taken over. */
  read(): LiveState | undefined {
    const file = join(this.folder, 'state.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LiveState) : undefined;
  }

  /** Whole or not at all. */
  write(state: LiveState): void {
    const file = join(this.folder, 'state.json');
    writeFileSync(`${file}.new`, JSON.stringify(state));
    renameSync(`${file}.new`, file);
  }

  /** Some pins go; for tests of what is lost with them. */
  clearPins(names: readonly ('original' | 'enter' | 'exit')[]): void {
    for (const name of names) unlinkSync(this.pin(name));
  }

  /** Pins and state go, the watcher with them; the journal stays. */
  clear(): void {
    rmSync(join(this.folder, 'state.json'), { force: true });
    if (!existsSync(this.pins)) return;
    for (const name of readdirSync(this.pins)) unlinkSync(join(this.pins, name));
    rmSync(this.pins, { recursive: true, force: true });
  }
}

/** When a process began, in hundredths of seconds since the machine did; undefined: there is none. */
export function startOf(pid: number): number | undefined {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')[19],
    );
  } catch {
    return undefined;
  }
}

/** Does the process that a state names still look after it? */
export function isLookedAfter(state: LiveState): boolean {
  return startOf(state.pid) === state.started;
}
