/**
 * Work spread over worker threads that all run the module at `url`; each takes an item, answers with a result, and
 * gets the next.
 */
import { Worker } from 'node:worker_threads';

/** The work and who does it. */
export interface Spread<Item, Result> {
  readonly url: URL;
  readonly items: readonly Item[];
  /** What every worker needs to know. */
  readonly workerData: unknown;
  /** Workers at a time. */
  readonly jobs: number;
  /** Gets the results in the order of the items. */
  readonly take: (result: Result) => void;
  /** The result for an item at which a worker was lost (out of memory, say). */
  readonly lost: (item: Item, error: Error) => Result;
}

/**
 * Resolves when every item has its result. A worker that dies costs the item that it had, for which `lost` gives the
 * result, and another one goes on.
 */
export function spread<Item, Result>({
  url,
  items,
  workerData,
  jobs,
  take,
  lost,
}: Spread<Item, Result>): Promise<void> {
  // Results come in any order and are handed on in that of the items.
  const done: ({ readonly result: Result } | undefined)[] = items.map(() => undefined);
  let next = 0;
  let taken = 0;
  const finish = (index: number, result: Result): void => {
    done[index] = { result };
    for (let ready = done[taken]; ready !== undefined; ready = done[taken]) {
      take(ready.result);
      taken++;
    }
  };
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const worker = new Worker(url, { workerData });
      let current = -1;
      const give = (): void => {
        current = next++;
        worker.postMessage(items[current]);
      };
      worker.on('message', (result: Result) => {
        finish(current, result);
        give();
      });
      worker.on('error', (error) => {
        // The others go on.
        const item = items[current];
        if (item !== undefined) finish(current, lost(item, error));
        resolve(next < items.length ? run() : undefined);
      });
      worker.on('exit', () => resolve());
      give();
    });
  return Promise.all(Array.from({ length: jobs }, run)).then(() => undefined);
}
