/** The worker: the lab's server over messages, with captures read off the files that the page hands over. */
import { type CaptureSource, type FromWorker, LabServer, type ToWorker } from '../lab/index.js';
import type { CaptureFile } from './client.js';

/** What is used of a worker's global scope, for which the page's own types have no room. */
interface Scope {
  postMessage(message: unknown, transfer: readonly unknown[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}
const scope = globalThis as unknown as Scope;

/** A turn of the event loop without the four milliseconds that timers of browsers take. */
const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

const server = new LabServer({
  send: (message: FromWorker, transfer) => scope.postMessage(message, transfer),
  turn: () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(0);
    }),
  now: () => performance.now(),
});

scope.onmessage = ({ data }) => {
  if (data.kind === 'call' && data.name === 'run')
    void server.take({ ...data, given: sourceOf(data.given as CaptureFile) });
  else void server.take(data);
};

/** Unpacks `.gz` on the way, told by its first bytes. */
function sourceOf({ name, blob }: CaptureFile): CaptureSource {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
    const isPacked = head[0] === 0x1f && head[1] === 0x8b;
    const bytes = blob.stream();
    const reader = (isPacked ? bytes.pipeThrough(new DecompressionStream('gzip')) : bytes).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  }
  return { name, size: blob.size, chunks: chunks() };
}
