/** Changes of maps are noticed before they happen. Needs root, bpf(2) and BTF; elsewhere reported as skipped. */
import { describe, expect, it } from 'vitest';
import { Bpf, hostBtf, KernelIds } from '../linux/index.js';
import { readSteady } from './contents.js';
import { installWatcher, othersEnded, readGuard } from './watcher.js';

const bpf = Bpf.tryOpen();
const isPossible = bpf !== undefined && hostBtf() !== undefined;

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

describe.skipIf(!isPossible)('the watcher (skipped without bpf(2) and BTF)', () => {
  it('moves the epoch twice for each change of a watched map, and for nothing else', () => {
    const kernel = bpf as Bpf;
    const ids = new KernelIds();
    const watcher = installWatcher(kernel, ids);
    const make = (): number => kernel.mapCreate({ type: 1, keySize: 4, valueSize: 4, maxEntries: 8, name: 'watched' });
    const [watched, other] = [make(), make()];
    const epoch = (): bigint => readGuard(kernel, watcher.guardFd).epoch;
    kernel.mapUpdate(watcher.watchedFd, word(ids.map(watched).id), word(0));
    expect(othersEnded(kernel, watcher.guardFd)).toBe(true);
    // Other processes may load programs and change maps of maps meanwhile: what is counted is counted from here.
    const attempt = (what: () => void): bigint => {
      const before = epoch();
      what();
      return epoch() - before;
    };
    const quiet = (what: () => void, moved: bigint): void => {
      for (let tries = 0; ; tries++) {
        const got = attempt(what);
        if (got === moved) return;
        if (tries === 5) throw new Error(`the epoch moved by ${got}, not by ${moved}`);
      }
    };
    quiet(() => kernel.mapUpdate(watched, word(1), word(2)), 2n);
    quiet(() => kernel.mapDelete(watched, word(1)), 2n);
    quiet(() => kernel.mapUpdate(other, word(1), word(2)), 0n);
    quiet(() => kernel.mapLookup(watched, word(1), 4), 0n);
    const insns = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
    quiet(() => {
      const loaded = kernel.progLoad({ insns, license: 'GPL' });
      if ('fd' in loaded) kernel.close(loaded.fd);
    }, 0n);

    // What is read while nothing changes is believed; what changed meanwhile is not.
    const steady = readSteady(kernel, watcher.guardFd, () => kernel.mapLookup(watched, word(1), 4), 10);
    expect(steady?.value).toBe(-2);
    let next = 3;
    const torn = readSteady(kernel, watcher.guardFd, () => kernel.mapUpdate(watched, word(1), word(next++)));
    expect(torn).toBeUndefined();
    for (const fd of [...watcher.linkFds, watcher.guardFd, watcher.watchedFd, watched, other]) kernel.close(fd);
  });
});
