/** A packet stepped forward and back: what there is to see at a position. */
import type { Debugger } from '../debug/index.js';
import { packetView, registerViews, stackViews } from '../debug/index.js';
import { formatInsn } from '../isa/index.js';
import { programNames } from '../object/index.js';
import { placeOf, type Subject } from './open.js';
import type { Move, StepView } from './protocol.js';

/** Slots of the stack that are shown. */
const shownSlots = 64;

/** Moves, and says what is there. `asks`: what the verifier knows, too. */
export function stepTo(subject: Subject, debug: Debugger, move: Move, asks: boolean): StepView {
  const { execution, lines } = debug;
  if (move.kind === 'to') debug.goTo(Math.max(0, Math.min(move.position, execution.length)));
  else if (move.kind === 'line at')
    debug.goTo(nextAt(debug, lines.numberOfPlace(fileOf(debug, move.place)), move.back));
  else debug.step(move.kind, move.back);
  const [frame] = debug.frames;
  const isAtEnd = debug.isAtEnd || frame === undefined;
  const program = isAtEnd ? undefined : frame.program;
  return {
    position: debug.position,
    length: execution.length,
    place: program === undefined ? undefined : placeOf(subject, program.index, frame?.pc ?? 0),
    pc: program?.index === subject.index ? frame?.pc : undefined,
    insn:
      program === undefined
        ? undefined
        : formatInsn(program.insns, frame?.pc ?? 0, 'llvm', programNames(subject.object, program.spec)),
    frames: isAtEnd ? [] : debug.frames.map((one) => debug.whereIs(one).fn),
    registers: registerViews(debug, asks).map(({ name, text, symbol, known, isChanged }) => {
      return { name, text, symbol, known, isChanged };
    }),
    stack: stackViews(debug, asks)
      .slice(0, shownSlots)
      .map(({ offset, value, symbol, known, isChanged }) => {
        return { name: `fp${offset}`, text: `0x${value.toString(16).padStart(16, '0')}`, symbol, known, isChanged };
      }),
    packet: packetView(debug).headers.flatMap(({ fields }) =>
      fields.filter(({ isChanged, arrived }) => isChanged || arrived !== undefined),
    ),
    maps: debug.machine.maps
      .map((map) => debug.mapsBefore.view(map))
      .map((view) => ({ ...view, elements: view.elements.filter(({ change }) => change !== 'none') }))
      .filter(({ elements }) => elements.length > 0),
  };
}

function fileOf({ lines }: Debugger, { file, line }: { readonly file: number; readonly line: number }) {
  return { file: lines.files[file] ?? '', line };
}

/** The next position that enters a line, or where it stands if there is none. */
function nextAt({ motion, execution, position }: Debugger, line: number, back: boolean): number {
  if (line === 0) return position;
  const by = back ? -1 : 1;
  for (let at = position + by; at >= 0 && at < execution.length; at += by)
    if (motion.lineAt(at) === line && motion.entersLine(at)) return at;
  return position;
}
