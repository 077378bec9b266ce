/**
 * The debugger as a Debug Adapter (https://microsoft.github.io/debug-adapter-protocol): an editor asks over stdio. The
 * packet has run to its end before the first answer, so every motion, back ones too, is answered at once, and the end
 * is a place to stop at and to turn round.
 */
import { Readable, Writable } from 'node:stream';
import {
  DebugSession,
  InitializedEvent,
  OutputEvent,
  Response,
  Scope,
  Source,
  StackFrame,
  StoppedEvent,
  TerminatedEvent,
  Thread,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { UserError } from '../base/index.js';
import {
  type Debugger,
  parseExpression,
  type SourcePlace,
  type Stop,
  type StopReason,
  type StopRules,
  stopText,
} from '../debug/index.js';
import { verdictName } from '../platform/index.js';
import type { Io } from './command.js';
import { disassembled, instructionAt, referenceOf } from './debug-disassembly.js';
import { type DebugFlags, launchFlags, openDebugger, readSource } from './debug-open.js';
import { VariableTree } from './debug-variables.js';

/** What the command line gave; an editor's launch arguments go before it. */
export interface AdapterDefaults {
  readonly file: string | undefined;
  readonly name: string | undefined;
  readonly flags: DebugFlags;
}

/** Launch arguments: the command's flags by their long names in camel case, and these. */
interface LaunchArguments extends DebugProtocol.LaunchRequestArguments {
  readonly program?: string;
  /** Program or section of the object. */
  readonly section?: string;
  readonly stopOnEntry?: boolean;
}

/** The one thread's id. */
const thread = 1;

/** Serves one editor until it disconnects or stdin ends. */
export function serveAdapter(defaults: AdapterDefaults, io: Io): Promise<void> {
  return new Promise((done, fail) => {
    const session = new Adapter(defaults, io, done, fail);
    const out = new Writable({
      write: (chunk: Uint8Array, _encoding, written) => {
        io.out(new Uint8Array(chunk));
        written();
      },
    });
    session.start(Readable.from(io.stdin()), out);
  });
}

class Adapter extends DebugSession {
  private readonly defaults: AdapterDefaults;
  private readonly io: Io;
  private readonly done: () => void;
  private readonly fail: (error: unknown) => void;
  /** Settles when all requests so far have been answered, or when what they asked for is under way. */
  private answered: Promise<void> = Promise.resolve();
  private debug: Debugger | undefined;
  private folders: readonly string[] = [];
  private stopsOnEntry = true;
  private readonly variables = new VariableTree();
  /** Breakpoints by what they were set for: a source file, functions, instructions. */
  private readonly stopsOf = new Map<string, readonly Stop[]>();
  /** Files that are not on disk, by the number that an editor asks for their text with. */
  private readonly unseen: string[] = [];

  constructor(defaults: AdapterDefaults, io: Io, done: () => void, fail: (error: unknown) => void) {
    super();
    this.defaults = defaults;
    this.io = io;
    this.done = done;
    this.fail = fail;
    this.setDebuggerLinesStartAt1(true);
    this.setDebuggerColumnsStartAt1(true);
  }

  /** The library ends the process here; it is the command's to end. */
  override shutdown(): void {
    this.done();
  }

  /** One after the other, and each so that Ctrl-C breaks it off. */
  protected override dispatchRequest(request: DebugProtocol.Request): void {
    const { command } = request;
    // Who leaves arguments out has none; the library's own answer to what nobody wrote is that it was done.
    const whole = { ...request, arguments: request.arguments ?? {} };
    this.answered = this.answered.then(() =>
      this.io.work('answering', () =>
        answered.has(command)
          ? super.dispatchRequest(whole)
          : this.refuse(request, refusals[command] ?? 'not supported'),
      ),
    );
    this.answered.catch(this.fail);
  }

  private refuse(request: DebugProtocol.Request, why: string): void {
    this.sendErrorResponse(new Response(request), { id: 2, format: `\`${request.command}\`: ${why}` });
  }

  protected override initializeRequest(response: DebugProtocol.InitializeResponse): void {
    response.body = {
      supportsConfigurationDoneRequest: true,
      supportsConditionalBreakpoints: true,
      supportsHitConditionalBreakpoints: true,
      supportsLogPoints: true,
      supportsDataBreakpoints: true,
      supportsFunctionBreakpoints: true,
      supportsInstructionBreakpoints: true,
      supportsEvaluateForHovers: true,
      supportsStepBack: true,
      supportsSteppingGranularity: true,
      supportsDisassembleRequest: true,
    };
    this.sendResponse(response);
  }

  protected override launchRequest(response: DebugProtocol.LaunchResponse, args: LaunchArguments): void {
    void this.answer(response, async () => {
      const { program, section, stopOnEntry, ...flags } = args;
      const file = program ?? this.defaults.file;
      if (file === undefined) throw new Error('`program` is missing: the object file');
      const all = { ...this.defaults.flags, ...launchFlags(flags) };
      const { debug } = await openDebugger(file, section ?? this.defaults.name, all, this.io);
      this.debug = debug;
      debug.onLog = (_stop, text) => this.sendEvent(new OutputEvent(`${text}\n`, 'console'));
      this.stopsOnEntry = stopOnEntry !== false;
      this.folders = [file.replace(/[^/\\]*$/, '') || '.', process.cwd()];
      // Only now is it known which lines have code: breakpoints are asked for after this.
      this.sendEvent(new InitializedEvent());
    });
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): void {
    this.sendResponse(response);
    if (this.debug === undefined) return;
    if (this.stopsOnEntry) this.stopped({ kind: 'start' });
    else this.move(() => this.debug?.continue());
  }

  protected override disconnectRequest(response: DebugProtocol.DisconnectResponse): void {
    this.sendResponse(response);
    this.shutdown();
  }

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    response.body = { threads: [new Thread(thread, 'packet')] };
    this.sendResponse(response);
  }

  // Breakpoints.

  protected override setBreakPointsRequest(
    response: DebugProtocol.SetBreakpointsResponse,
    args: DebugProtocol.SetBreakpointsArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      const asked = args.source.path ?? this.unseen[(args.source.sourceReference ?? 0) - 1] ?? args.source.name ?? '';
      const file = debug.lines.fileNamed(asked);
      response.body = {
        breakpoints: this.replaceStops(`line ${file ?? asked}`, args.breakpoints ?? [], ({ line, ...rules }) => {
          if (file === undefined) throw new Error('no code of the program is of this file');
          const source = debug.lines.nextWithCode({ file, line });
          if (source === undefined) throw new Error('no code is of this line or behind it');
          return debug.makeStop({ kind: 'line', source, number: debug.lines.numberOfPlace(source) }, rulesOf(rules));
        }),
      };
    });
  }

  protected override setFunctionBreakPointsRequest(
    response: DebugProtocol.SetFunctionBreakpointsResponse,
    args: DebugProtocol.SetFunctionBreakpointsArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      response.body = {
        breakpoints: this.replaceStops('functions', args.breakpoints, ({ name, ...rules }) =>
          debug.makeStop({ kind: 'function', name, code: debug.lines.functionNamed(name) }, rulesOf(rules)),
        ),
      };
    });
  }

  protected override setInstructionBreakpointsRequest(
    response: DebugProtocol.SetInstructionBreakpointsResponse,
    args: DebugProtocol.SetInstructionBreakpointsArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      response.body = {
        breakpoints: this.replaceStops(
          'instructions',
          args.breakpoints,
          ({ instructionReference, offset, ...rules }) => {
            const code = instructionAt(debug, instructionReference, offset ?? 0);
            if (code === undefined) throw new Error('no instruction is there');
            return debug.makeStop({ kind: 'insn', code }, rulesOf(rules));
          },
        ),
      };
    });
  }

  /** Any expression can be watched; what the editor shows has one by its name. */
  protected override dataBreakpointInfoRequest(
    response: DebugProtocol.DataBreakpointInfoResponse,
    { name, variablesReference = 0 }: DebugProtocol.DataBreakpointInfoArguments,
  ): void {
    void this.answer(response, async () => {
      const text = variablesReference === 0 ? name : this.variables.expressionOf(variablesReference, name);
      if (text === undefined) {
        response.body = { dataId: null, description: `\`${name}\` has no name in expressions` };
        return;
      }
      const { text: description } = parseExpression(text, this.need().object);
      response.body = { dataId: text, description, accessTypes: ['write'] };
    });
  }

  protected override setDataBreakpointsRequest(
    response: DebugProtocol.SetDataBreakpointsResponse,
    args: DebugProtocol.SetDataBreakpointsArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      response.body = {
        breakpoints: this.replaceStops('data', args.breakpoints, ({ dataId, ...rules }) =>
          debug.makeStop({ kind: 'change', expression: parseExpression(dataId, debug.object) }, rulesOf(rules)),
        ),
      };
    });
  }

  /** All stops of a kind are given anew each time. One that cannot be has a message. */
  private replaceStops<T>(key: string, wanted: readonly T[], make: (one: T) => Stop): DebugProtocol.Breakpoint[] {
    const debug = this.need();
    for (const { number } of this.stopsOf.get(key) ?? []) debug.removeStop(number);
    const stops: Stop[] = [];
    const answers = wanted.map((one): DebugProtocol.Breakpoint => {
      try {
        const stop = make(one);
        stops.push(stop);
        const line = stop.place.kind === 'line' ? { line: stop.place.source.line } : {};
        return { verified: true, id: stop.number, ...line };
      } catch (error) {
        return { verified: false, message: wordsOf(error) };
      }
    });
    this.stopsOf.set(key, stops);
    return answers;
  }

  // Motion.

  protected override continueRequest(response: DebugProtocol.ContinueResponse): void {
    this.sendResponse(response);
    if (this.debug?.isAtEnd === true) this.sendEvent(new TerminatedEvent());
    else this.move(() => this.debug?.continue());
  }

  protected override reverseContinueRequest(response: DebugProtocol.ReverseContinueResponse): void {
    this.sendResponse(response);
    this.move(() => this.debug?.continue(true));
  }

  protected override nextRequest(response: DebugProtocol.NextResponse, args: DebugProtocol.NextArguments): void {
    this.sendResponse(response);
    if (this.debug?.isAtEnd === true) this.sendEvent(new TerminatedEvent());
    else this.move(() => this.debug?.step(args.granularity === 'instruction' ? 'insn over' : 'line over'));
  }

  protected override stepInRequest(response: DebugProtocol.StepInResponse, args: DebugProtocol.StepInArguments): void {
    this.sendResponse(response);
    this.move(() => this.debug?.step(args.granularity === 'instruction' ? 'insn' : 'line'));
  }

  protected override stepOutRequest(response: DebugProtocol.StepOutResponse): void {
    this.sendResponse(response);
    this.move(() => this.debug?.step('out'));
  }

  protected override stepBackRequest(
    response: DebugProtocol.StepBackResponse,
    args: DebugProtocol.StepBackArguments,
  ): void {
    this.sendResponse(response);
    this.move(() => this.debug?.step(args.granularity === 'instruction' ? 'insn over' : 'line over', true));
  }

  private move(how: () => StopReason | undefined): void {
    try {
      const reason = how();
      if (reason !== undefined) this.stopped(reason);
    } catch (error) {
      this.sendEvent(new OutputEvent(`${wordsOf(error)}\n`, 'stderr'));
      this.sendEvent(new StoppedEvent('exception', thread, wordsOf(error)));
    }
  }

  private stopped(reason: StopReason): void {
    this.variables.clear();
    const words: Readonly<Record<StopReason['kind'], string>> = {
      start: 'entry',
      step: 'step',
      breakpoint: 'breakpoint',
      change: 'data breakpoint',
      end: 'end',
    };
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(words[reason.kind], thread);
    event.body.allThreadsStopped = true;
    if (reason.kind === 'breakpoint') event.body.hitBreakpointIds = [reason.stop.number];
    if (reason.kind === 'change') event.body.text = `${stopText(reason.stop)}: ${reason.from} -> ${reason.to}`;
    if (reason.kind === 'end' && this.debug !== undefined) {
      const { trap, verdict } = this.debug.execution.ending;
      event.body.description =
        trap === undefined ? `The program returns ${verdictName(verdict)}` : 'Stopped by a fault';
      if (trap !== undefined) event.body.text = trap;
      this.sendEvent(new OutputEvent(`${trap ?? `verdict: ${verdictName(verdict)}`}\n`, 'console'));
    }
    this.sendEvent(event);
  }

  // Looking.

  protected override stackTraceRequest(
    response: DebugProtocol.StackTraceResponse,
    args: DebugProtocol.StackTraceArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      const all = debug.frames.map((frame, i) => {
        const { fn, source } = debug.whereIs(frame);
        const shown = new StackFrame(i + 1, fn, source && this.sourceOf(source), source?.line ?? 0, source ? 1 : 0);
        return Object.assign(shown, { instructionPointerReference: referenceOf(frame.program, frame.pc) });
      });
      const from = Math.max(0, args.startFrame ?? 0);
      const levels = (args.levels ?? 0) <= 0 ? all.length : (args.levels ?? 0);
      response.body = { stackFrames: all.slice(from, from + levels), totalFrames: all.length };
    });
  }

  /** The file on disk, or a number to ask for its text with. */
  private sourceOf({ file }: SourcePlace): Source {
    const name = file.replace(/^.*[/\\]/, '');
    const found = readSource(this.need().lines, file, this.folders);
    if (found !== undefined) return new Source(name, found.path);
    if (!this.unseen.includes(file)) this.unseen.push(file);
    return new Source(name, undefined, this.unseen.indexOf(file) + 1, 'from BTF');
  }

  /** The lines that have code, where they are: all that the object knows of a file. */
  protected override sourceRequest(response: DebugProtocol.SourceResponse, args: DebugProtocol.SourceArguments): void {
    void this.answer(response, async () => {
      const { lines } = this.need();
      const file = this.unseen[args.sourceReference - 1] ?? '';
      const text: string[] = [];
      for (const line of lines.linesOf(file)) {
        while (text.length < line) text.push('');
        text[line - 1] = lines.textOf({ file, line }) ?? '';
      }
      response.body = { content: `${text.join('\n')}\n`, mimeType: 'text/x-c' };
    });
  }

  protected override scopesRequest(response: DebugProtocol.ScopesResponse, args: DebugProtocol.ScopesArguments): void {
    void this.answer(response, async () => {
      const debug = this.need();
      if (debug.frames[args.frameId - 1] === undefined) throw new Error(`there is no frame ${args.frameId}`);
      const scopes = this.variables.scopes(debug, args.frameId === 1);
      response.body = {
        scopes: scopes.map(({ name, reference, isExpensive }) => new Scope(name, reference, isExpensive)),
      };
    });
  }

  protected override variablesRequest(
    response: DebugProtocol.VariablesResponse,
    args: DebugProtocol.VariablesArguments,
  ): void {
    void this.answer(response, async () => {
      response.body = { variables: this.variables.children(args.variablesReference) };
    });
  }

  protected override evaluateRequest(
    response: DebugProtocol.EvaluateResponse,
    args: DebugProtocol.EvaluateArguments,
  ): void {
    void this.answer(response, async () => {
      const { execution, object } = this.need();
      const value = parseExpression(args.expression ?? '', object).evaluate(execution);
      response.body = {
        result: value?.text ?? 'not there',
        variablesReference: this.variables.reference(value?.parts),
      };
    });
  }

  protected override disassembleRequest(
    response: DebugProtocol.DisassembleResponse,
    args: DebugProtocol.DisassembleArguments,
  ): void {
    void this.answer(response, async () => {
      const debug = this.need();
      response.body = { instructions: disassembled(debug, args, (source) => this.sourceOf(source)) };
    });
  }

  private need(): Debugger {
    if (this.debug === undefined) throw new Error('nothing was launched');
    return this.debug;
  }

  /** Sends the response when `work` has filled it in, or what went wrong in words. */
  private async answer(response: DebugProtocol.Response, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.sendResponse(response);
    } catch (error) {
      this.sendErrorResponse(response, { id: 1, format: wordsOf(error), showUser: true });
    }
  }
}

/** What is answered here; the library itself knows more, and says of all of it that it was done. */
const answered: ReadonlySet<string> = new Set([
  'initialize',
  'launch',
  'configurationDone',
  'disconnect',
  'terminate',
  'cancel',
  'threads',
  'setBreakpoints',
  'setFunctionBreakpoints',
  'setInstructionBreakpoints',
  'setExceptionBreakpoints',
  'dataBreakpointInfo',
  'setDataBreakpoints',
  'continue',
  'reverseContinue',
  'next',
  'stepIn',
  'stepOut',
  'stepBack',
  'pause',
  'stackTrace',
  'source',
  'scopes',
  'variables',
  'evaluate',
  'disassemble',
]);

const recorded = 'the packet has run, and what was recorded does not change; launch with `set` or `mapsIn`';

const refusals: Readonly<Record<string, string>> = {
  setVariable: recorded,
  setExpression: recorded,
  writeMemory: recorded,
  attach: 'there is no process to attach to: `launch`',
};

/** A breakpoint's rules by our names. */
function rulesOf({
  condition,
  hitCondition,
  logMessage,
}: {
  readonly condition?: string;
  readonly hitCondition?: string;
  readonly logMessage?: string;
}): StopRules {
  return { condition, times: hitCondition, log: logMessage };
}

function wordsOf(error: unknown): string {
  if (error instanceof UserError) return error.format();
  return error instanceof Error ? error.message : String(error);
}
