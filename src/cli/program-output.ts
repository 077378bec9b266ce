/**
 * What a program says while packets run, for people: lines of bpf_printk, records of ring buffers and perf event
 * arrays, each with the packet that it came with. The first ones are kept; of the rest only the number.
 */
import { type Insn, isCall } from '../isa/index.js';
import type { ObjectSpec } from '../object/index.js';
import { helperName } from '../platform/index.js';
import type { Session } from '../runtime/index.js';
import { count, formatNumber, wholeNumber } from '../text/index.js';
import { formatOutput, type Output, type OutputTypes, type OutputWords, parseOutputTypes } from '../vm/index.js';
import type { Io } from './command.js';

/** The flags about it. */
export interface OutputFlags {
  readonly outputs?: string;
  readonly recordType?: readonly string[];
}

/** One line or record that was kept. */
export interface LoggedOutput {
  /** From 1. */
  readonly packet: number;
  readonly output: Output;
  readonly words: OutputWords;
}

/** Lines that the summary shows, and that JSON has, unless `--outputs` says otherwise. */
const defaultShown = { text: 12, json: 1000 } as const;

/**
 * Helpers that put something out. `bpf_ringbuf_reserve` is not among them: what is reserved is seen once it is
 * submitted. Gathering costs time for each packet, so a program without these runs without it.
 */
const speakers: ReadonlySet<string> = new Set([
  'bpf_trace_printk',
  'bpf_trace_vprintk',
  'bpf_perf_event_output',
  'bpf_ringbuf_output',
  'bpf_ringbuf_submit',
  'bpf_ringbuf_submit_dynptr',
]);

/** True where some program of the object calls a helper that puts something out. */
export function mayPutOut(object: ObjectSpec): boolean {
  const speaks = (insn: Insn): boolean => isCall(insn) && insn.src === 0 && speakers.has(helperName(insn.imm) ?? '');
  return object.programs.some(({ insns }) => insns.some(speaks));
}

/** Gathers what a session's program puts out. */
export class OutputLog {
  /** All lines and records, by where they went. */
  readonly counts: Map<string, number> = new Map();
  readonly kept: LoggedOutput[] = [];
  private readonly object: ObjectSpec;
  private readonly types: OutputTypes;
  private readonly most: number;
  private readonly io: Io;

  /** Throws UsageError, and InputError for a record's type that there is not. */
  constructor(object: ObjectSpec, flags: OutputFlags, io: Io) {
    this.object = object;
    this.io = io;
    this.types = parseOutputTypes(object, flags.recordType ?? []);
    this.most = wholeNumber('--outputs', flags.outputs, 0) ?? (io.flags.json ? defaultShown.json : defaultShown.text);
  }

  /** More would be kept, so it has to be known which packet each comes with. */
  get isOpen(): boolean {
    return this.kept.length < this.most || this.io.flags.verbosity > 0;
  }

  /** What packet number `packet` put out; 0 where many packets ran at once. */
  note(packet: number, outputs: readonly Output[]): void {
    for (const output of outputs) {
      const where = output.kind === 'printk' ? 'printk' : output.map;
      this.counts.set(where, (this.counts.get(where) ?? 0) + 1);
      if (!this.isOpen || packet === 0) continue;
      const words = formatOutput(this.object, output, this.types);
      this.io.detail(1, `packet ${formatNumber(packet)}: ${words.where}: ${words.text}`);
      if (this.kept.length < this.most) this.kept.push({ packet, output, words });
    }
  }

  /** Makes a session tell, if its program has anything to say; returns what to call when packets have run. */
  attach(session: Session): ((first: number) => void) | undefined {
    if (!mayPutOut(this.object)) return undefined;
    session.gathersOutputs = true;
    return (first) => this.note(this.isOpen ? first : 0, session.outputs);
  }

  private get total(): number {
    return [...this.counts.values()].reduce((sum, n) => sum + n, 0);
  }

  /** A part of the summary; empty where nothing was said. */
  text(): string {
    const { kept, total, io } = this;
    if (total === 0) return '';
    const by = [...this.counts].map(([where, n]) => `${where} ${formatNumber(n)}`).join(', ');
    const head = `\n${count(total, 'line or record', 'lines and records')} put out (${by})`;
    if (kept.length === 0) return `${head}\n`;
    const more = total > kept.length ? `, the first ${kept.length}; --outputs N shows more` : '';
    const width = Math.max(6, ...kept.map(({ packet }) => formatNumber(packet).length));
    const lines = kept.map(({ packet, words }) => {
      const text = `${formatNumber(packet).padStart(width)}  ${words.where}${words.type ? ` (${words.type})` : ''}: ${words.text}`;
      return folded(text, Math.max(40, io.width - 2), width + 4);
    });
    return `${head}${more}:\n\n${'packet'.padStart(width)}  what\n${'-'.repeat(Math.min(io.width, 60))}\n${lines.join('\n')}\n`;
  }

  /** `outputs` of `jitnic.run/1`. */
  json(): Record<string, unknown> {
    return {
      counts: Object.fromEntries(this.counts),
      records: this.kept.map(({ packet, output, words }) => outputJson(packet, output, words)),
    };
  }
}

/** One line or record as JSON: `value` by its type, `data` in hex. */
export function outputJson(packet: number, output: Output, words: OutputWords): Record<string, unknown> {
  if (output.kind === 'printk') return { packet, kind: 'printk', text: words.text };
  const { kind, map, data } = output;
  const index = output.kind === 'perf' ? { index: output.index } : {};
  const typed = words.type === undefined ? {} : { type: words.type, value: words.value };
  return { packet, kind, map, ...index, ...typed, data };
}

/** Breaks a long line at blanks; the rest is indented. */
function folded(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    const at = blank > indent ? blank : width;
    lines.push(rest.slice(0, at));
    rest = `${' '.repeat(indent)}${rest.slice(at).trimStart()}`;
  }
  return [...lines, rest].join('\n');
}
