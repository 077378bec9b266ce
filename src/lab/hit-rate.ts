/** Hit rate of the card's cache by size and policy, from one run that notes which path each packet took. */
import { hitCurves, policies } from '../cache/index.js';
import { PathRecorder } from '../runtime/index.js';
import type { HeldCapture } from './capture.js';
import type { Subject } from './open.js';
import type { HitRates, Turns } from './protocol.js';
import type { MapsGiven } from './reasons.js';
import { runUpTo } from './run-held.js';

/** Sizes double: what matters lies between few and enough. */
const mostTraces = 1024;

/** Undefined: it was stopped. */
export async function hitRates(
  { object, program, verdicts }: Subject,
  capture: HeldCapture,
  maps: MapsGiven | undefined,
  turns: Turns,
): Promise<HitRates | undefined> {
  const recorder = new PathRecorder(object, program, { host: 'wasm', verdicts, maps });
  if (!(await runUpTo(recorder.session, capture, capture.count, 'noting paths', turns))) return undefined;
  const { reference } = recorder;
  const sizes: number[] = [];
  for (let size = 1; size <= Math.min(mostTraces, Math.max(1, 2 * reference.paths)); size *= 2) sizes.push(size);
  turns.progress({ what: 'comparing policies', packets: reference.packets, share: undefined });
  const curves: { name: string; description: string; hits: readonly number[] }[] = [];
  for (const policy of policies) {
    await turns.turn();
    if (turns.isStopped) return undefined;
    for (const { hits } of hitCurves(reference, { sizes, policies: [policy] }))
      curves.push({ name: policy.name, description: policy.description, hits });
  }
  return { packets: reference.packets, paths: reference.paths, sizes, curves };
}
