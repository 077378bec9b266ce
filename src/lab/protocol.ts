/**
 * What the page and its worker say to each other. The page asks, the worker answers in order; what takes long says how
 * far it is, and stops at the next turn once it is told to. Everything here is plain data that can be cloned between
 * threads: numbers that may be larger than 2^53 are text.
 */
import type { FieldView, MapView, PacketView, StepKind } from '../debug/index.js';
import type { VerdictName } from '../platform/index.js';
import type { GuardNode, ReportTrace, RunSummary } from '../report/index.js';
import type { ErrorReport } from '../text/index.js';

/** A file as it was dropped, picked or fetched. */
export interface LabFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a workbench is opened with. */
export interface OpenRequest {
  readonly object: LabFile;
  /** Contents of maps before the first packet (docs/maps.md). */
  readonly maps?: LabFile | undefined;
  /** Name or section; default the object's only XDP program, or the first. */
  readonly program?: string | undefined;
}

/** A program of the object. */
export interface ProgramInfo {
  readonly name: string;
  readonly section: string;
  readonly insns: number;
}

/** A map of the object. */
export interface MapInfo {
  readonly name: string;
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** A source line with code. */
export interface SourceLineInfo {
  readonly line: number;
  readonly text: string;
}

/** A source file as far as the object knows it: lines without code are not there. */
export interface SourceFileInfo {
  readonly name: string;
  readonly lines: readonly SourceLineInfo[];
}

/** An instruction of the program. */
export interface InsnInfo {
  readonly pc: number;
  readonly text: string;
  /** Name of the function that begins here. */
  readonly fn: string | undefined;
  /** Its line: index of the file, and the number from 1; undefined where none is known. */
  readonly place: LinePlace | undefined;
}

/** A line by the index of its file. */
export interface LinePlace {
  readonly file: number;
  readonly line: number;
}

/** Why Linux would not load the program. */
export interface Refusal {
  readonly message: string;
  readonly insn: number | undefined;
  readonly source: string | undefined;
  readonly known: readonly string[];
  readonly hint: string | undefined;
}

/** The program as it was read. */
export interface Opened {
  readonly object: string;
  readonly programs: readonly ProgramInfo[];
  readonly program: string;
  readonly maps: readonly MapInfo[];
  readonly files: readonly SourceFileInfo[];
  readonly insns: readonly InsnInfo[];
  /** Undefined: it is accepted. */
  readonly refusal: Refusal | undefined;
}

/** A capture as it arrives, piece by piece. */
export interface CaptureSource {
  readonly name: string;
  /** Bytes in all, where they are known. */
  readonly size: number | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A trace by its counts. */
export interface TraceSummary {
  readonly verdict: VerdictName;
  readonly packets: number;
  readonly installs: number;
  readonly insnsProgram: number;
  readonly insnsTrace: number;
}

/** What became of a capture. */
export interface Ran {
  readonly summary: RunSummary;
  /** By packet: 0 to 4, as XDP counts them. */
  readonly verdict: Uint8Array;
  /** Packets of other link types, left out. */
  readonly skipped: number;
  /** Where the capture broke off, in words. */
  readonly damage: string | undefined;
  /** It was stopped: there were more packets. */
  readonly isPartial: boolean;
}

/** What a card made of it. */
export interface Carded {
  readonly summary: RunSummary;
  /** In order of their first installation: a trace's number is its index. */
  readonly traces: readonly TraceSummary[];
  /** The path that each packet took: number of a trace, -1 where none was recorded. */
  readonly trace: Int32Array;
}

/** A line that decided about packets, with how many it sent where. */
export interface Decision {
  readonly verdict: VerdictName;
  /** Undefined: no line is known. */
  readonly place: LinePlace | undefined;
  readonly text: string;
  readonly packets: number;
}

/** Why packets were decided as they were, as far as they were looked at. */
export interface Reasons {
  /** Index into `decisions` by packet; -1 beyond `packets`. */
  readonly decision: Int32Array;
  /** Most packets first. */
  readonly decisions: readonly Decision[];
  /** How many packets were looked at, from the first on. */
  readonly packets: number;
  /** How often each instruction ran, by slot. */
  readonly runs: Float64Array;
  readonly isPartial: boolean;
}

/** Which packets the list shows; what is undefined does not matter. */
export interface PacketQuery {
  /** Fields and words as `jitnic run` takes them: `udp.dport == 53`. */
  readonly filter?: string | undefined;
  readonly verdict?: number | undefined;
  readonly trace?: number | undefined;
  readonly decision?: number | undefined;
}

/** A packet in the list. */
export interface PacketRow {
  /** From 0. */
  readonly index: number;
  /** Seconds since the first one. */
  readonly time: number;
  readonly length: number;
  readonly summary: string;
  readonly verdict: VerdictName;
  readonly trace: number;
  readonly decision: number;
}

/** A source line on a packet's way, and how many instructions it took there. */
export interface WayLine {
  readonly place: LinePlace | undefined;
  readonly text: string;
  readonly pc: number;
  readonly insns: number;
}

/** A packet, before and after. */
export interface PacketDetail {
  readonly index: number;
  readonly verdict: VerdictName;
  /** What stopped the program. */
  readonly trap: string | undefined;
  readonly redirect: string | undefined;
  readonly decided: Decision | undefined;
  readonly arrived: Uint8Array;
  readonly packet: PacketView;
  readonly outputs: readonly string[];
  /** Maps in which something changed. */
  readonly maps: readonly MapView[];
  readonly steps: number;
  readonly way: readonly WayLine[];
  /** Lines of the way that are left out, since it is long. */
  readonly wayLeft: number;
}

/** The program's IR. */
export interface IrView {
  /** Passes in the order in which they ran, with what each left. */
  readonly passes: readonly { readonly name: string; readonly insns: number; readonly text: string }[];
}

/** Where a debugger is to go. */
export type Move =
  | { readonly kind: 'to'; readonly position: number }
  | { readonly kind: StepKind; readonly back: boolean }
  /** To where a line is entered next. */
  | { readonly kind: 'line at'; readonly place: LinePlace; readonly back: boolean };

/** A register or a slot of the stack. */
export interface CellView {
  readonly name: string;
  readonly text: string;
  /** What it points to. */
  readonly symbol: string | undefined;
  /** What the verifier knows of it here. */
  readonly known: string | undefined;
  readonly isChanged: boolean;
}

/** What there is to see at a position of a packet's way. */
export interface StepView {
  /** From 0, where it arrives, to `length`, the end. */
  readonly position: number;
  readonly length: number;
  readonly place: LinePlace | undefined;
  /** Of an instruction of the chosen program. */
  readonly pc: number | undefined;
  readonly insn: string | undefined;
  /** Functions that are open, innermost first. */
  readonly frames: readonly string[];
  readonly registers: readonly CellView[];
  readonly stack: readonly CellView[];
  /** Fields that are not as they came, or were not so a step ago. */
  readonly packet: readonly FieldView[];
  /** Elements that are not as the packet found them. */
  readonly maps: readonly MapView[];
}

/** An element of a map; values as a map file has them. */
export interface MapElement {
  /** Hex, as a map file has it. */
  readonly key: string;
  /** The key in words, where it has a type. */
  readonly words: string | undefined;
  /** Undefined: it was not there. */
  readonly before: string | undefined;
  /** Undefined: it is gone. */
  readonly after: string | undefined;
}

/** A map before the first packet and after the last: what changed first. */
export interface MapTable {
  readonly elements: readonly MapElement[];
  /** How many there are in all. */
  readonly count: number;
}

/** Hits by size of the card's cache, in traces, and policy. */
export interface HitRates {
  readonly packets: number;
  readonly paths: number;
  readonly sizes: readonly number[];
  readonly curves: readonly { readonly name: string; readonly description: string; readonly hits: readonly number[] }[];
}

/** What the verifier walked through. */
export interface VerifierLog {
  readonly log: string;
  /** The log is longer: this is its beginning. */
  readonly isCut: boolean;
  readonly insns: number;
  readonly states: number;
}

/** What can be asked: for each, what is given and what comes back. */
export interface Calls {
  open: { readonly given: OpenRequest; readonly back: Opened };
  run: { readonly given: CaptureSource; readonly back: Ran };
  card: { readonly given: Record<string, never>; readonly back: Carded };
  reasons: { readonly given: { readonly most: number }; readonly back: Reasons };
  find: { readonly given: PacketQuery; readonly back: Uint32Array };
  rows: { readonly given: { readonly packets: readonly number[] }; readonly back: readonly PacketRow[] };
  packet: { readonly given: { readonly index: number }; readonly back: PacketDetail };
  ir: { readonly given: Record<string, never>; readonly back: IrView };
  step: {
    readonly given: { readonly index: number; readonly move: Move; readonly asks: boolean };
    readonly back: StepView;
  };
  map: { readonly given: { readonly map: number }; readonly back: MapTable };
  hitRates: { readonly given: Record<string, never>; readonly back: HitRates };
  log: { readonly given: Record<string, never>; readonly back: VerifierLog };
  trace: { readonly given: { readonly id: number }; readonly back: ReportTrace };
  tree: { readonly given: Record<string, never>; readonly back: GuardNode };
  wasm: { readonly given: Record<string, never>; readonly back: Uint8Array };
}

/** A name of {@link Calls}. */
export type CallName = keyof Calls;

/** From the page. */
export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly name: CallName; readonly given: unknown }
  | { readonly kind: 'stop'; readonly id: number };

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ErrorReport }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress };

/** How far something is. */
export interface Progress {
  readonly what: string;
  readonly packets: number;
  /** 0 to 1, where it is known. */
  readonly share: number | undefined;
}

/** What a long call is given to be fair to others with. */
export interface Turns {
  /** Somebody wants it to stop. */
  readonly isStopped: boolean;
  /** Lets messages in; call it every few milliseconds. */
  turn(): Promise<void>;
  now(): number;
  progress(progress: Progress): void;
}
