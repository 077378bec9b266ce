/**
 * What the page works on: an object, a capture and what became of it. One at a time; opening another lets go of this
 * one. Methods do one thing each and hand out plain data; those that may take long are given turns.
 */
import { decodeUtf8, UnsupportedError, UsageError } from '../base/index.js';
import type { Debugger } from '../debug/index.js';
import { formatFunction, Unsupported } from '../ir/index.js';
import { WasmEngine, worldOfMachine } from '../jit/index.js';
import { assemble, readObject } from '../object/index.js';
import { defaultSettings, reportPasses } from '../opt/index.js';
import { parseFilter, summarize } from '../packet/index.js';
import { verdictName, xdpMdFields } from '../platform/index.js';
import {
  type GuardNode,
  namesIn,
  type ReportTrace,
  reportTrace,
  runSummary,
  Timeline,
  traceTree,
} from '../report/index.js';
import { Session, type SessionOptions } from '../runtime/index.js';
import { Verdicts, verify } from '../verifier/index.js';
import { type LoadedProgram, Machine, parseMapsFile } from '../vm/index.js';
import { HeldCapture } from './capture.js';
import { hitRates } from './hit-rate.js';
import { mapTable } from './maps.js';
import { choose, describe, type Subject } from './open.js';
import { debuggerAt, packetDetail } from './packet.js';
import type {
  CaptureSource,
  Carded,
  HitRates,
  IrView,
  MapTable,
  Move,
  Opened,
  OpenRequest,
  PacketDetail,
  PacketQuery,
  PacketRow,
  Ran,
  Reasons,
  StepView,
  Turns,
  VerifierLog,
} from './protocol.js';
import { findReasons, type MapsGiven } from './reasons.js';
import { runUpTo, turnEvery } from './run-held.js';
import { stepTo } from './stepping.js';

/** Passes whose result is shown at most: each is a text as long as the program. */
const mostTexts = 64;

/** Characters of a verifier's log that are shown. */
const longestLog = 4_000_000;

/** A capture that has run. */
interface Ready {
  readonly subject: Subject;
  readonly session: Session;
  readonly capture: HeldCapture;
  readonly verdicts: Uint8Array;
}

/** The same on a card. */
interface OnCard {
  readonly session: Session;
  /** Id of the trace by packet, or -1. */
  readonly trace: Int32Array;
}

/** An object with its traffic, on the bench. */
export class Workbench {
  private subject: Subject | undefined;
  private maps: MapsGiven | undefined;
  private session: Session | undefined;
  private capture: HeldCapture | undefined;
  private verdicts: Uint8Array | undefined;
  private carded: OnCard | undefined;
  private found: Reasons | undefined;
  private debugged: { readonly index: number; readonly debug: Debugger } | undefined;

  /** Reads an object and asks the verifier. Throws what reading throws. */
  open({ object: file, maps, program }: OpenRequest): Opened {
    this.subject = undefined;
    this.forget();
    const { name, bytes } = file;
    const object = name.endsWith('.s') ? assemble(decodeUtf8(bytes), { name }) : readObject(bytes, { name });
    const subject = choose(object, program);
    this.maps =
      maps === undefined ? undefined : { contents: parseMapsFile(decodeUtf8(maps.bytes), maps.name), file: maps.name };
    const opened = describe(subject);
    this.subject = subject;
    return opened;
  }

  /**
   * Runs a capture on the host: what becomes of packets is what a card would make of them, and there sooner. Throws
   * what a session and a capture throw.
   */
  async run(source: CaptureSource, turns: Turns): Promise<Ran> {
    this.forget();
    const session = this.newSession({ card: false });
    const column = new GrowingColumn(new Uint8Array(1024));
    let last = turns.now();
    const capture = await HeldCapture.read(source, turns, async (_, batch) => {
      for (let at = 0; at < batch.count && !turns.isStopped; ) {
        const ran = session.runBatch(batch, at, batch.count - at);
        for (let i = 0; i < ran; i++) column.add(session.verdictOf(i));
        at += ran;
        if (turns.now() - last < turnEvery) continue;
        await turns.turn();
        last = turns.now();
      }
    });
    // What was read and not run any more is not there.
    capture.count = Math.min(capture.count, session.runtime.packets);
    this.session = session;
    this.capture = capture;
    this.verdicts = column.finish(capture.count);
    return {
      summary: runSummary(session, { capture: source.name, timeline: [] }),
      verdict: this.verdicts,
      skipped: capture.skipped,
      damage: [capture.damage, capture.note].filter((note) => note !== undefined).join('; ') || undefined,
      isPartial: turns.isStopped,
    };
  }

  /** Runs the packets through card and host as `jitnic run` does; undefined: it was stopped. */
  async card(turns: Turns): Promise<Carded | undefined> {
    const { capture } = this.ran;
    const session = this.newSession({ keepRecordings: true });
    const column = new GrowingColumn(new Int32Array(1024));
    session.runtime.onPath = (path) => column.add(path?.id ?? -1);
    const timeline = new Timeline();
    const isDone = await runUpTo(session, capture, capture.count, 'recording traces', turns, () =>
      timeline.note(session.runtime),
    );
    if (!isDone) return undefined;
    timeline.finish(session.runtime);
    this.carded = { session, trace: column.finish(capture.count) };
    return {
      summary: runSummary(session, { capture: capture.name, timeline: timeline.moments }),
      traces: session.traces.map(({ verdict, packets, installs, insnsProgram, insnsTrace }) => {
        return { verdict: verdictName(verdict), packets, installs, insnsProgram, insnsTrace };
      }),
      trace: this.carded.trace,
    };
  }

  /** On the interpreter where Linux would refuse the program: it checks every access. */
  private newSession(options: SessionOptions): Session {
    const { object, program, verdicts } = this.opened;
    const isAccepted = verdicts.of(program).accepted;
    return new Session(object, program, {
      host: isAccepted ? 'wasm' : 'interp',
      verdicts: isAccepted ? verdicts : Verdicts.none(),
      maps: this.maps,
      ...options,
    });
  }

  /** Which line decided about each of the first packets. */
  async reasons(most: number, turns: Turns): Promise<Reasons> {
    const { subject, capture } = this.ran;
    this.found = await findReasons(subject, capture, this.maps, most, turns);
    return this.found;
  }

  /** Packets that a query is about, in order. Throws InputError for a filter that makes no sense. */
  find({ filter, verdict, trace, decision }: PacketQuery): Uint32Array {
    const { capture, verdicts } = this.ran;
    const isWanted = filter === undefined || filter.trim() === '' ? undefined : parseFilter(filter);
    const chosen: number[] = [];
    for (let i = 0; i < capture.count; i++) {
      if (verdict !== undefined && verdicts[i] !== verdict) continue;
      if (trace !== undefined && this.carded?.trace[i] !== trace) continue;
      if (decision !== undefined && (this.found?.decision[i] ?? -1) !== decision) continue;
      if (isWanted !== undefined && !isWanted(capture.packet(i).data)) continue;
      chosen.push(i);
    }
    return Uint32Array.from(chosen);
  }

  /** Lines of the list. */
  rows(packets: readonly number[]): PacketRow[] {
    const { capture, verdicts } = this.ran;
    const start = capture.count === 0 ? 0n : capture.packet(0).time;
    return packets.map((index): PacketRow => {
      const { data, time, origLength } = capture.packet(index);
      return {
        index,
        time: Number(time - start) / 1e9,
        length: origLength,
        summary: summarize(data, { origLength }),
        verdict: verdictName(verdicts[index] ?? 0),
        trace: this.carded?.trace[index] ?? -1,
        decision: this.found?.decision[index] ?? -1,
      };
    });
  }

  /** One packet; undefined: it was stopped. */
  async packet(index: number, turns: Turns): Promise<PacketDetail | undefined> {
    const { subject } = this.ran;
    const debug = await this.debuggerOf(index, turns);
    if (debug === undefined) return undefined;
    return packetDetail(subject, debug, index, this.found?.decisions[this.found.decision[index] ?? -1]);
  }

  /** A packet at a position of its way; undefined: it was stopped. `asks`: what the verifier knows there, too. */
  async step(index: number, move: Move, asks: boolean, turns: Turns): Promise<StepView | undefined> {
    const { subject } = this.ran;
    const debug = await this.debuggerOf(index, turns);
    return debug === undefined ? undefined : stepTo(subject, debug, move, asks);
  }

  /** The debugger of a packet: the last one is kept, since it is looked at again and again. */
  private async debuggerOf(index: number, turns: Turns): Promise<Debugger | undefined> {
    if (this.debugged?.index === index) return this.debugged.debug;
    this.debugged = undefined;
    const { subject, capture } = this.ran;
    const debug = await debuggerAt(subject, capture, this.maps, index, turns);
    if (debug !== undefined) this.debugged = { index, debug };
    return debug;
  }

  /** A map before the first packet and after the last. */
  map(index: number): MapTable {
    return mapTable(this.opened, this.maps, this.session, index);
  }

  /** Undefined: it was stopped. */
  hitRates(turns: Turns): Promise<HitRates | undefined> {
    const { subject, capture } = this.ran;
    return hitRates(subject, capture, this.maps, turns);
  }

  /** What the verifier walks through, with the state at each instruction. */
  log(): VerifierLog {
    const { object, program } = this.opened;
    const { maps, btf, kernelBtf, license } = object;
    const { log, stats } = verify(program, maps, { btf, kernelBtf, license, logLevel: 2 });
    return {
      log: log.slice(0, longestLog),
      isCut: log.length > longestLog,
      insns: stats.insns,
      states: stats.totalStates,
    };
  }

  /** A trace in words, with its code by source line. */
  trace(id: number): ReportTrace {
    const { session } = this.onCard;
    const record = session.traces[id];
    if (record === undefined)
      throw new UsageError(`there is no trace ${id}`, {}, `there are ${session.traces.length}, counted from 0`);
    return reportTrace(session, record, namesIn(session));
  }

  /** What all traces ask, as a tree. */
  tree(): GuardNode {
    return traceTree(this.onCard.session);
  }

  /** The program's IR after each pass. Throws UnsupportedError for a program that is not translated. */
  ir(): IrView {
    const { machine, program, verdicts } = this.alive();
    const names = {
      map: (index: number): string => machine.maps[index]?.spec.name ?? 'map?',
      ctxField: (offset: number): string => `ctx.${xdpMdFields[offset / 4] ?? offset}`,
    };
    const passes: { name: string; insns: number; text: string }[] = [];
    try {
      const report = reportPasses(worldOfMachine(machine), program, {
        verdicts,
        settings: defaultSettings,
        check: false,
        now: () => 0,
        watch: (step, code) => {
          if (passes.length < mostTexts)
            passes.push({ name: step.name, insns: step.insns, text: formatFunction(code, names, false) });
        },
      });
      if (passes.length === 0)
        passes.push({ name: 'translated', insns: 0, text: formatFunction(report.code, names, false) });
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      throw new UnsupportedError(error.message, { insn: error.insn }, 'it runs in the interpreter');
    }
    return { passes };
  }

  /** The WebAssembly module that the host runs. */
  wasm(): Uint8Array {
    const { machine, program, verdicts } = this.alive();
    const engine = new WasmEngine(machine, { verdicts, names: true });
    const compiled = engine.compile(program);
    if (compiled !== undefined) return compiled.module.bytes;
    const { what, insn } = engine.fallbacks[0] ?? { what: 'it is not compiled', insn: 0 };
    throw new UnsupportedError(what, { insn }, 'it runs in the interpreter');
  }

  /** A machine with the program loaded. */
  private alive(): { readonly machine: Machine; readonly program: LoadedProgram; readonly verdicts: Verdicts } {
    const { object, index, verdicts } = this.opened;
    const machine = new Machine(object);
    const program = machine.programs[index] as LoadedProgram; // it is one of the object's
    machine.admit(program);
    return { machine, program, verdicts };
  }

  private get opened(): Subject {
    if (this.subject === undefined) throw new UsageError('no object is open', {}, 'drop one on the page');
    return this.subject;
  }

  private get ran(): Ready {
    const { session, capture, verdicts } = this;
    if (session === undefined || capture === undefined || verdicts === undefined)
      throw new UsageError('no capture has run', {}, 'drop a pcap or pcapng file on the page');
    return { subject: this.opened, session, capture, verdicts };
  }

  private get onCard(): OnCard {
    if (this.carded === undefined) throw new UsageError('the packets have not run on a card');
    return this.carded;
  }

  /** Lets go of the capture and what became of it. */
  private forget(): void {
    this.session = undefined;
    this.capture = undefined;
    this.verdicts = undefined;
    this.carded = undefined;
    this.found = undefined;
    this.debugged = undefined;
  }
}

/** A column that grows by doubling. */
class GrowingColumn<T extends Uint8Array | Int32Array> {
  private values: T;
  private count = 0;

  constructor(empty: T) {
    this.values = empty;
  }

  add(value: number): void {
    if (this.count === this.values.length) {
      const wider = new (this.values.constructor as new (length: number) => T)(2 * this.count);
      wider.set(this.values);
      this.values = wider;
    }
    this.values[this.count++] = value;
  }

  finish(count: number): T {
    return this.values.slice(0, count) as T;
  }
}
