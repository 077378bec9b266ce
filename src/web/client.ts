/**
 * The page's side of the protocol. A worker that dies takes down what was asked of it and nothing else: the next
 * question starts another one, which has forgotten what was open.
 */
import type { CallName, Calls, FromWorker, Progress, ToWorker } from '../lab/index.js';
import type { ErrorReport } from '../text/index.js';

/** A capture as the page has it: the worker reads it itself. */
export interface CaptureFile {
  readonly name: string;
  readonly blob: Blob;
}

/** What a call is given on this side. */
export type Given<Name extends CallName> = Name extends 'run' ? CaptureFile : Calls[Name]['given'];

/** How a call is watched and stopped. */
export interface CallOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the worker said went wrong, in the words of the command line. */
export class LabError extends Error {
  readonly report: ErrorReport;

  constructor(report: ErrorReport) {
    super(report.message);
    this.report = report;
  }
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: LabError) => void;
  readonly onProgress: CallOptions['onProgress'];
}

/** Milliseconds that a call which was told to stop may take before its worker is ended. */
const patience = 700;

/** Asks the worker. */
export class LabClient {
  /** Called when the worker is gone, and with it all that was open there. */
  onLoss: (() => void) | undefined;
  private worker: Worker | undefined;
  private readonly pending = new Map<number, Pending>();
  private next = 1;

  /** Rejects with a {@link LabError}. Undefined comes back from what was stopped before it had anything to say. */
  call<Name extends CallName>(
    name: Name,
    given: Given<Name>,
    { onProgress, signal }: CallOptions = {},
  ): Promise<Calls[Name]['back'] | undefined> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as Pending['resolve'], reject, onProgress });
      this.post({ kind: 'call', id, name, given });
      const stop = (): void => {
        this.post({ kind: 'stop', id });
        setTimeout(() => {
          if (this.pending.has(id)) this.end(stopped);
        }, patience);
      };
      if (signal?.aborted === true) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** Ends the worker; what was asked of it fails with `report`. */
  end(report: ErrorReport): void {
    this.worker?.terminate();
    this.worker = undefined;
    const lost = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of lost) reject(new LabError(report));
    this.onLoss?.();
  }

  private post(message: ToWorker): void {
    this.worker ??= this.start();
    this.worker.postMessage(message);
  }

  private start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'jitnic' });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.worker === worker) this.end(died(event.message));
    };
    return worker;
  }

  private take(message: FromWorker): void {
    const asked = this.pending.get(message.id);
    if (asked === undefined) return;
    if (message.kind === 'progress') {
      asked.onProgress?.(message.progress);
      return;
    }
    this.pending.delete(message.id);
    if (message.kind === 'done') asked.resolve(message.value);
    else asked.reject(new LabError(message.error));
  }
}

const stopped: ErrorReport = {
  exitCode: 130,
  code: 'interrupted',
  message: 'stopped',
  place: undefined,
  hint: 'open the files again to go on',
};

function died(why: string): ErrorReport {
  return {
    exitCode: 70,
    code: 'internal',
    message: `the worker died: ${why === '' ? 'out of memory, most likely' : why}`,
    place: undefined,
    hint: 'another one takes over: open the files again, or others',
  };
}
