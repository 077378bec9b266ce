/**
 * Why packets were decided as they were: each runs on the interpreter with someone who looks on, who says which source
 * line decided (cases/deciding-line.ts) and counts what ran. Slower than the run itself by far, so it comes behind it,
 * and for as many packets as somebody waits for.
 */
import { DecisionObserver } from '../cases/index.js';
import { Coverage } from '../explore/index.js';
import { Interpreter } from '../interp/index.js';
import { type VerdictName, verdictName } from '../platform/index.js';
import { Session } from '../runtime/index.js';
import { Verdicts } from '../verifier/index.js';
import type { MapsFile } from '../vm/index.js';
import type { HeldCapture } from './capture.js';
import type { Subject } from './open.js';
import type { Decision, LinePlace, Reasons, Turns } from './protocol.js';
import { turnEvery } from './run-held.js';

/** Contents of maps before the first packet, and the file that they are from. */
export interface MapsGiven {
  readonly contents: MapsFile;
  readonly file: string;
}

/** The first `most` packets of a capture, in order. */
export async function findReasons(
  subject: Subject,
  capture: HeldCapture,
  maps: MapsGiven | undefined,
  most: number,
  turns: Turns,
): Promise<Reasons> {
  const { object, program } = subject;
  const observer = new DecisionObserver();
  const coverage = new Coverage();
  const session = new Session(object, program, {
    card: false,
    host: 'interp',
    verdicts: Verdicts.none(),
    maps,
    core: (machine) => {
      const interpreter = new Interpreter(machine);
      interpreter.observer = {
        before: (running, pc, depth) => {
          coverage.before(running, pc);
          observer.before(running, pc, depth);
        },
      };
      return interpreter;
    },
  });
  const total = Math.min(most, capture.count);
  const decision = new Int32Array(capture.count).fill(-1);
  const numbers = new Map<string, number>();
  const decisions: { verdict: VerdictName; place: LinePlace | undefined; text: string; packets: number }[] = [];
  let last = turns.now();
  let at = 0;
  for (; at < total && !turns.isStopped; at++) {
    observer.start();
    const { verdict } = session.step(capture.packet(at));
    const { line } = observer;
    const name = verdictName(verdict);
    const key = `${name} ${line?.file ?? ''}:${line?.line ?? 0}`;
    let number = numbers.get(key);
    if (number === undefined) {
      number = decisions.length;
      numbers.set(key, number);
      const place = line === undefined ? undefined : { file: subject.lines.files.indexOf(line.file), line: line.line };
      decisions.push({ verdict: name, place, text: line?.text ?? '', packets: 0 });
    }
    decision[at] = number;
    const found = decisions[number];
    if (found !== undefined) found.packets++;
    if (turns.now() - last < turnEvery) continue;
    turns.progress({ what: 'finding what decided', packets: at, share: at / total });
    await turns.turn();
    last = turns.now();
  }
  return {
    ...sorted(decision, decisions),
    packets: at,
    runs: coverage.of(program).runs,
    isPartial: at < capture.count,
  };
}

/** Most packets first. */
function sorted(
  decision: Int32Array,
  decisions: readonly Decision[],
): { readonly decision: Int32Array; readonly decisions: readonly Decision[] } {
  const order = decisions.map((_, i) => i).sort((a, b) => (decisions[b]?.packets ?? 0) - (decisions[a]?.packets ?? 0));
  const rank = new Int32Array(decisions.length);
  for (const [to, from] of order.entries()) rank[from] = to;
  return {
    decision: decision.map((number) => (number < 0 ? -1 : (rank[number] ?? -1))),
    decisions: order.flatMap((from) => decisions[from] ?? []),
  };
}
