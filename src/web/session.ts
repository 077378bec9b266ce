/** The files at hand and what the worker said of them, as the page's one store: views read it, actions change it. */
import type { Carded, Opened, PacketDetail, Progress, Ran, Reasons } from '../lab/index.js';
import type { ErrorReport } from '../text/index.js';
import { type CaptureFile, LabClient, LabError } from './client.js';

/** A file with its bytes. */
interface HeldFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is open, and what came of it. */
export interface LabState {
  readonly opened: Opened | undefined;
  readonly captureName: string | undefined;
  readonly ran: Ran | undefined;
  readonly reasons: Reasons | undefined;
  readonly carded: Carded | undefined;
  readonly detail: PacketDetail | undefined;
  readonly error: ErrorReport | undefined;
  /** What goes on, and how far it is. */
  readonly busy: Progress | undefined;
  /** Seconds from the files to the result. */
  readonly seconds: number | undefined;
}

const nothing: LabState = {
  opened: undefined,
  captureName: undefined,
  ran: undefined,
  reasons: undefined,
  carded: undefined,
  detail: undefined,
  error: undefined,
  busy: undefined,
  seconds: undefined,
};

/** Packets whose deciding line is looked for: what an interpreter takes a few seconds for. */
const mostReasons = 100_000;

/** One at a time is on the page. */
export class LabSession {
  readonly client: LabClient = new LabClient();
  private state: LabState = nothing;
  private readonly listeners = new Set<() => void>();
  private object: HeldFile | undefined;
  private maps: HeldFile | undefined;
  private capture: CaptureFile | undefined;
  private stopper: AbortController | undefined;
  private asked = 0;

  constructor() {
    this.client.onLoss = () =>
      this.set({ opened: undefined, ran: undefined, reasons: undefined, carded: undefined, detail: undefined });
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): LabState => this.state;

  /** Takes files by what they are, and opens what there is then. */
  async take(files: readonly File[], program?: string): Promise<void> {
    await this.guarded(async () => {
      this.set({ busy: { what: 'reading files', packets: 0, share: undefined } });
      await this.keepAll(files);
      if (this.object === undefined)
        throw new LabError({
          exitCode: 2,
          code: 'usage',
          message: 'which program?',
          place: files.map(({ name }) => name).join(', '),
          hint: 'drop the object file (prog.o) that the packets are for, too',
        });
      await this.open(program);
    });
  }

  /** Another program of the same object. */
  async choose(program: string): Promise<void> {
    await this.guarded(() => this.open(program));
  }

  /** Files of this origin by their addresses. */
  async fetchAll(paths: readonly (string | undefined)[], program?: string): Promise<void> {
    await this.guarded(async () => {
      this.set({ busy: { what: 'fetching files', packets: 0, share: undefined } });
      const files = await Promise.all(
        paths
          .filter((path) => path !== undefined)
          .map(async (path) => {
            const answer = await fetch(path);
            if (!answer.ok) throw new LabError(notThere(path, answer.status));
            return new File([await answer.blob()], path.replace(/^.*\//, ''));
          }),
      );
      [this.object, this.maps, this.capture] = [undefined, undefined, undefined];
      await this.keepAll(files);
      await this.open(program);
    });
  }

  /** Looks at one packet closely. */
  async look(index: number): Promise<void> {
    const asked = ++this.asked;
    try {
      const detail = await this.client.call('packet', { index }, this.watched(false));
      if (asked === this.asked && detail !== undefined) this.set({ detail, busy: undefined });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Sets an element before the first packet, as a map file would, and runs again. */
  async setElement(map: string, key: string, value: string): Promise<void> {
    await this.guarded(async () => {
      const text = this.maps === undefined ? undefined : new TextDecoder().decode(this.maps.bytes);
      const file = (text === undefined ? {} : JSON.parse(text)) as { maps?: Record<string, unknown[]> };
      // Entries are made in order: the last one stays.
      const entries = [...(file.maps?.[map] ?? []), { key: asWritten(key), value: asWritten(value) }];
      const before = this.maps;
      const made = JSON.stringify({ maps: { ...file.maps, [map]: entries } });
      this.maps = { name: before?.name ?? 'maps.json', bytes: new TextEncoder().encode(made) };
      try {
        await this.open(this.state.opened?.program);
      } catch (error) {
        this.maps = before;
        this.fail(error);
        await this.open(undefined);
      }
    });
  }

  /** Ends what goes on; what is there already stays. */
  stop(): void {
    this.stopper?.abort();
  }

  dismiss(): void {
    this.set({ error: undefined });
  }

  /** Map files last: those of another program are forgotten when an object comes. */
  private async keepAll(files: readonly File[]): Promise<void> {
    const isMaps = ({ name }: File): number => Number(name.endsWith('.json'));
    for (const file of [...files].sort((a, b) => isMaps(a) - isMaps(b))) await this.keep(file);
  }

  private async keep(file: File): Promise<void> {
    const bytes = async (): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());
    const { name } = file;
    if (name.endsWith('.json')) this.maps = { name, bytes: await bytes() };
    else if (name.endsWith('.c')) {
      this.object = { name: name.replace(/c$/, 'o'), bytes: await compiled(file) };
      this.maps = undefined;
    } else if (name.endsWith('.s') || (await isElf(file))) {
      this.object = { name, bytes: await bytes() };
      this.maps = undefined;
    } else this.capture = { name, blob: file };
  }

  private async open(program: string | undefined): Promise<void> {
    const { object, maps, capture } = this;
    if (object === undefined) return;
    const start = performance.now();
    this.asked++;
    this.set({ ...nothing, busy: { what: 'reading and verifying the program', packets: 0, share: undefined } });
    const opened = await this.client.call('open', { object, maps, program }, this.watched(true));
    if (opened === undefined) return;
    this.set({ opened });
    if (capture === undefined) return;
    this.set({ captureName: capture.name, busy: { what: 'running packets', packets: 0, share: 0 } });
    const ran = await this.client.call('run', capture, this.watched(false));
    if (ran === undefined) return;
    this.set({ ran, seconds: (performance.now() - start) / 1000 });
    if (ran.isPartial) return;
    const reasons = await this.client.call('reasons', { most: mostReasons }, this.watched(false));
    if (reasons !== undefined) this.set({ reasons });
    const carded = await this.client.call('card', {}, this.watched(false));
    if (carded !== undefined) this.set({ carded });
  }

  /** How the call at hand is watched; `isNew`: it is the first of a row that one button stops. */
  private watched(isNew: boolean): { readonly onProgress: (progress: Progress) => void; readonly signal: AbortSignal } {
    if (isNew || this.stopper === undefined || this.stopper.signal.aborted) this.stopper = new AbortController();
    return { onProgress: (busy) => this.set({ busy }), signal: this.stopper.signal };
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    this.set({ error: undefined });
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
    this.set({ busy: undefined });
  }

  /** Shows an error in the words of the command line. */
  fail(error: unknown): void {
    if (!(error instanceof LabError)) throw error;
    this.set({ error: error.report, busy: undefined });
  }

  private set(change: Partial<LabState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** What is typed stands for itself in a map file: JSON, or hex bytes. */
function asWritten(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.trim();
  }
}

async function isElf(file: File): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;
}

function notThere(path: string, status: number): ErrorReport {
  return { exitCode: 3, code: 'bad-input', message: `the server answers ${status}`, place: path, hint: undefined };
}

/** What the server says of an error: `jitnic.error/1`. */
interface ErrorJson {
  readonly error: { readonly [part in 'code' | 'message' | 'place' | 'hint']: string | null };
}

function reportIn({ error: { code, message, place, hint } }: ErrorJson): ErrorReport {
  return { exitCode: 3, code: code ?? '', message: message ?? '', place: place ?? undefined, hint: hint ?? undefined };
}

/** C is compiled by the server that `jitnic lab` is: a page without one cannot. */
async function compiled(file: File): Promise<Uint8Array> {
  const headers = { 'content-type': 'text/x-c', 'x-jitnic-name': encodeURIComponent(file.name) };
  const answer = await fetch('compile', { method: 'POST', headers, body: file }).catch(() => undefined);
  if (answer?.ok === true) return new Uint8Array(await answer.arrayBuffer());
  const isOurs = answer?.headers.get('content-type')?.startsWith('application/json') === true;
  if (answer !== undefined && isOurs) throw new LabError(reportIn((await answer.json()) as ErrorJson));
  throw new LabError({
    exitCode: 4,
    code: 'unsupported',
    message: 'C is compiled where `jitnic lab` runs and clang is there; this page comes from another server',
    place: file.name,
    hint: `compile it: clang -O2 -g -target bpf -c ${file.name}, and drop the object`,
  });
}
