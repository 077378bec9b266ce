/** One packet of a run, looked at closely: the packets before it run first, so it finds the maps as it found them. */
import { Debugger, Execution, packetView } from '../debug/index.js';
import { verdictName } from '../platform/index.js';
import { Session } from '../runtime/index.js';
import { type ProgramFacts, Verdicts } from '../verifier/index.js';
import { formatOutput, type RedirectTarget } from '../vm/index.js';
import type { HeldCapture } from './capture.js';
import { placeOf, type Subject } from './open.js';
import type { Decision, PacketDetail, Turns, WayLine } from './protocol.js';
import type { MapsGiven } from './reasons.js';
import { runUpTo } from './run-held.js';

/** Lines of a way that are shown. */
const shownLines = 400;

/** A debugger that stands where packet `index` arrives; undefined: it was stopped on the way there. */
export async function debuggerAt(
  subject: Subject,
  capture: HeldCapture,
  maps: MapsGiven | undefined,
  index: number,
  turns: Turns,
): Promise<Debugger | undefined> {
  const { object, program, verdicts } = subject;
  const isAccepted = verdicts.of(program).accepted;
  const session = new Session(object, program, {
    card: false,
    host: isAccepted ? 'wasm' : 'interp',
    verdicts: isAccepted ? verdicts : Verdicts.none(),
    maps,
  });
  if (!(await runUpTo(session, capture, index, 'running the packets before', turns))) return undefined;
  const { machine, program: loaded } = session.runtime;
  const input = session.arrive(capture.packet(index));
  const known = new Map<number, ProgramFacts | undefined>();
  return new Debugger(new Execution(machine, loaded, input), {
    facts: (index) => {
      if (!known.has(index)) known.set(index, factsOf(subject, index));
      return known.get(index);
    },
  });
}

/** What the verifier knows of one of the object's programs. */
function factsOf({ object }: Subject, index: number): ProgramFacts | undefined {
  const program = object.programs[index];
  return program === undefined ? undefined : Verdicts.of(object, { facts: true }).factsOf(program);
}

/** What became of it, step by step. */
export function packetDetail(subject: Subject, debug: Debugger, index: number, decided?: Decision): PacketDetail {
  const { execution, machine, mapsBefore } = debug;
  execution.moveTo(execution.length);
  const { ending } = execution;
  const verdict = verdictName(ending.verdict);
  const { way, left } = wayOf(subject, execution);
  return {
    index,
    verdict,
    trap: ending.trap,
    redirect: verdict === 'REDIRECT' && machine.redirect !== undefined ? targetText(machine.redirect) : undefined,
    decided,
    arrived: execution.input.data.slice(),
    packet: packetView(debug),
    outputs: execution.outputs.map((output) => formatOutput(subject.object, output, new Map()).text),
    maps: machine.maps
      .map((map) => mapsBefore.view(map))
      .map((view) => ({ ...view, elements: view.elements.filter(({ change }) => change !== 'none') }))
      .filter(({ elements }) => elements.length > 0),
    steps: execution.length,
    way,
    wayLeft: left,
  };
}

/** Where a packet goes, in words. */
function targetText(target: RedirectTarget): string {
  switch (target.kind) {
    case 'interface':
      return `interface ${target.ifindex}`;
    case 'devmap':
      return `${target.map}[${target.key}]: interface ${target.ifindexes.join(', ')}`;
    case 'cpumap':
      return `${target.map}[${target.key}]: CPU ${target.cpu}`;
    case 'xskmap':
      return `${target.map}[${target.key}]: socket ${target.socket}`;
  }
}

/** Source lines in the order of execution, one row for as long as it stays on a line. */
function wayOf(subject: Subject, execution: Execution): { readonly way: WayLine[]; readonly left: number } {
  const { lines } = subject;
  const way: (WayLine & { insns: number })[] = [];
  let left = 0;
  let number = -1;
  for (let step = 0; step < execution.length; step++) {
    const [program, pc] = [execution.programOf(step), execution.pcOf(step)];
    const here = lines.numberOf(program, pc);
    // Code without lines is a row for each instruction.
    if (here === number && here !== 0) {
      const row = way.at(-1);
      if (row !== undefined && left === 0) row.insns++;
      continue;
    }
    number = here;
    if (way.length >= shownLines) {
      left++;
      continue;
    }
    const place = lines.placeOf(here);
    const text = place === undefined ? `insn ${pc}` : (lines.textOf(place)?.trim() ?? '');
    way.push({ place: placeOf(subject, program, pc), text, pc, insns: 1 });
  }
  return { way, left };
}
