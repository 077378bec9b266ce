/**
 * `jitnic live detach DEV`: the original is put back, by the process that looks after it or in its place. The process
 * is asked first (SIGTERM), since two that swap programs at once would undo each other. Where it is gone, or does not
 * answer in time, what it wrote down about the original is enough to do it here. What somebody else has attached since
 * is left alone: the interface is theirs then.
 */
import { exitCodes, UsageError } from '../base/index.js';
import { Bpf, KernelIds } from '../linux/index.js';
import { isLookedAfter, putBack } from '../live/index.js';
import type { LiveOperation } from './live-operation.js';
import { placeOf } from './live-view.js';

/** Seconds that the other process is given: it may be in the middle of a load, which the verifier makes long. */
const patience = 10;

/** Exit 1 where nothing is looked after. JSON: `jitnic.live-detach/1`. */
export const detachOperation: LiveOperation = {
  name: 'detach',
  summary: 'put the original program back, whether who attached is still there or was killed',
  example: 'jitnic live detach eth0',
  flags: [],
  declare: () => {},
  run: async ([device], _flags, io) => {
    if (device === undefined) throw new UsageError('detach from which interface?', {}, detachOperation.example);
    const place = placeOf(device);
    const state = place.read();
    const tell = (how: string): void => {
      if (io.flags.json) io.json('jitnic.live-detach/1', { device, how });
      else io.out(`${device}: ${how}\n`);
    };
    if (state === undefined) {
      tell('nothing is looked after');
      return exitCodes.negative;
    }
    if (isLookedAfter(state)) {
      process.kill(state.pid, 'SIGTERM');
      for (let waited = 0; waited < patience && place.read() !== undefined; waited += 0.05) {
        await new Promise((done) => setTimeout(done, 50));
      }
      if (place.read() === undefined) {
        tell(`process ${state.pid} has put program ${state.program.id} back`);
        return exitCodes.ok;
      }
    }
    const isBack = putBack(Bpf.open(), new KernelIds(), place, state);
    tell(isBack ? `program ${state.program.id} is back` : 'somebody else changed what is attached; it stays as it is');
    return exitCodes.ok;
  },
};
