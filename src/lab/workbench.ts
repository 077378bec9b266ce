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
import { Session } from '../runtime/index.js';
import { Verdicts, verify } from '../verifier/index.js';
import { type LoadedProgram, Machine, parseMapsFile } from '../vm/index.js';
import { HeldCapture } from './capture.js';
import { hitRates } from './hit-rate.js';
import { mapTable } from './maps.js';
import { choose, describe, type Subject } from './open.js';
import { debuggerAt, packetDetail } from './packet.js';
import type {
  CaptureSource,
  HitRates,
  IrView,
  MapTable,
  Move,
  Opened,
  OpenRequest,
  PacketColumns,
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
import { stepTo } from './stepping.js';

/** Milliseconds between two turns. */
const turnEvery = 20;

/** Passes whose result is shown at most: each is a text as long as the program. */
const mostTexts = 64;

/** Characters of a verifier's log that are shown. */
const longestLog = 4_000_000;

/** A capture that has run. */
interface Ready {
  readonly subject: Subject;
  readonly session: Session;
  readonly capture: HeldCapture;
  readonly columns: PacketColumns;
}

/** An object with its traffic, on the bench. */
export class Workbench {
  private subject: Subject | undefined;
  private maps: MapsGiven | undefined;
  private session: Session | undefined;
  private capture: HeldCapture | undefined;
  private columns: PacketColumns | undefined;
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

  /** Runs a capture through card and host as `jitnic run` does. Throws what a session and a capture throw. */
  async run(source: CaptureSource, turns: Turns): Promise<Ran> {
    const { object, program, verdicts } = this.opened;
    this.forget();
    const isAccepted = verdicts.of(program).accepted;
    const session = new Session(object, program, {
      host: isAccepted ? 'wasm' : 'interp',
      verdicts: isAccepted ? verdicts : Verdicts.none(),
      keepRecordings: true,
      maps: this.maps,
    });
    const columns = new GrowingColumns();
    session.runtime.onPath = (path) => columns.path(path?.id ?? -1);
    const timeline = new Timeline();
    let last = turns.now();
    const capture = await HeldCapture.read(source, turns, async (_, batch) => {
      for (let at = 0; at < batch.count && !turns.isStopped; ) {
        const ran = session.runBatch(batch, at, batch.count - at);
        for (let i = 0; i < ran; i++) columns.verdict(session.verdictOf(i));
        timeline.note(session.runtime);
        at += ran;
        if (turns.now() - last < turnEvery) continue;
        await turns.turn();
        last = turns.now();
      }
    });
    timeline.finish(session.runtime);
    // What was read and not run any more is not there.
    capture.count = Math.min(capture.count, session.runtime.packets);
    this.session = session;
    this.capture = capture;
    this.columns = columns.finish(capture.count);
    return {
      summary: runSummary(session, { capture: source.name, timeline: timeline.moments }),
      traces: session.traces.map(({ verdict, packets, installs, insnsProgram, insnsTrace }) => {
        return { verdict: verdictName(verdict), packets, installs, insnsProgram, insnsTrace };
      }),
      columns: this.columns,
      skipped: capture.skipped,
      damage: [capture.damage, capture.note].filter((note) => note !== undefined).join('; ') || undefined,
      isPartial: turns.isStopped,
    };
  }

  /** Which line decided about each of the first packets. */
  async reasons(most: number, turns: Turns): Promise<Reasons> {
    const { subject, capture } = this.ran;
    this.found = await findReasons(subject, capture, this.maps, most, turns);
    return this.found;
  }

  /** Packets that a query is about, in order. Throws InputError for a filter that makes no sense. */
  find({ filter, verdict, trace, decision }: PacketQuery): Uint32Array {
    const { capture, columns } = this.ran;
    const isWanted = filter === undefined || filter.trim() === '' ? undefined : parseFilter(filter);
    const chosen: number[] = [];
    for (let i = 0; i < capture.count; i++) {
      if (verdict !== undefined && columns.verdict[i] !== verdict) continue;
      if (trace !== undefined && columns.trace[i] !== trace) continue;
      if (decision !== undefined && (this.found?.decision[i] ?? -1) !== decision) continue;
      if (isWanted !== undefined && !isWanted(capture.packet(i).data)) continue;
      chosen.push(i);
    }
    return Uint32Array.from(chosen);
  }

  /** Lines of the list. */
  rows(packets: readonly number[]): PacketRow[] {
    const { capture, columns } = this.ran;
    const start = capture.count === 0 ? 0n : capture.packet(0).time;
    return packets.map((index): PacketRow => {
      const { data, time, origLength } = capture.packet(index);
      return {
        index,
        time: Number(time - start) / 1e9,
        length: origLength,
        summary: summarize(data, { origLength }),
        verdict: verdictName(columns.verdict[index] ?? 0),
        trace: columns.trace[index] ?? -1,
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
    const { session } = this.ran;
    const record = session.traces[id];
    if (record === undefined)
      throw new UsageError(`there is no trace ${id}`, {}, `there are ${session.traces.length}, counted from 0`);
    return reportTrace(session, record, namesIn(session));
  }

  /** What all traces ask, as a tree. */
  tree(): GuardNode {
    return traceTree(this.ran.session);
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
    const { session, capture, columns } = this;
    if (session === undefined || capture === undefined || columns === undefined)
      throw new UsageError('no capture has run', {}, 'drop a pcap or pcapng file on the page');
    return { subject: this.opened, session, capture, columns };
  }

  /** Lets go of the capture and what became of it. */
  private forget(): void {
    this.session = undefined;
    this.capture = undefined;
    this.columns = undefined;
    this.found = undefined;
    this.debugged = undefined;
  }
}

/** Columns that grow by doubling. */
class GrowingColumns {
  private verdicts = new Uint8Array(1024);
  private traces = new Int32Array(1024);
  private decided = 0;
  private followed = 0;

  verdict(verdict: number): void {
    if (this.decided === this.verdicts.length) this.verdicts = grown(this.verdicts, new Uint8Array(2 * this.decided));
    this.verdicts[this.decided++] = verdict;
  }

  path(trace: number): void {
    if (this.followed === this.traces.length) this.traces = grown(this.traces, new Int32Array(2 * this.followed));
    this.traces[this.followed++] = trace;
  }

  finish(count: number): PacketColumns {
    return { verdict: this.verdicts.slice(0, count), trace: this.traces.slice(0, count) };
  }
}

function grown<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
