/** Makes a problem of an application whose programs were measured. */
import { InternalError } from '../base/index.js';
import type { MapSpec } from '../object/index.js';
import { verdictName } from '../platform/index.js';
import { type CostTable, costTables } from '../predict/index.js';
import type { Application } from './application.js';
import { cardRefusal, cardTable } from './card-table.js';
import type { MeasuredPiece, MeasuredProgram } from './measure.js';
import type { Element, Flow, Piece, Problem, State } from './model.js';

/** A program of the application, ready to be placed. */
export type BuiltProgram =
  | {
      readonly kind: 'object';
      readonly name: string;
      readonly maps: readonly MapSpec[];
      readonly measured: MeasuredProgram;
    }
  | { readonly kind: 'server'; readonly name: string; readonly cost: number; readonly packets: number };

/** Prices by element, in the order of the elements. */
export function tablesOf(elements: readonly Element[]): CostTable[] {
  return elements.map((element) => {
    if (element.card !== undefined) return cardTable(element.card);
    const table = costTables[element.tier === 'user' ? 'wasm' : 'kernel'];
    if (table === undefined) throw new InternalError('placing', 'a host has no prices');
    return table;
  });
}

/** `arrived`: packets that came to the application. */
export function buildProblem(application: Application, programs: readonly BuiltProgram[], arrived: number): Problem {
  const { elements } = application;
  const pieces: Piece[] = [];
  const flows: Flow[] = [];
  const first = new Map<string, number>();
  for (const program of programs) {
    first.set(program.name, pieces.length);
    if (program.kind === 'server') pieces.push(serverPiece(program, elements, arrived));
    else
      for (const [i, piece] of program.measured.pieces.entries())
        pieces.push(objectPiece(program.name, i, piece, program, elements, arrived));
  }
  const at = (program: string, piece = 0): number => (first.get(program) as number) + piece;
  const entered = new Set(application.flows.map(({ to }) => to));
  for (const program of programs) {
    if (!entered.has(program.name)) flows.push({ from: -1, to: at(program.name), share: 1, bytes: 0 });
    if (program.kind === 'server') continue;
    for (const [way, packets] of program.measured.flows) {
      const [from = 0, to = 0] = way.split(' ').map(Number);
      const bytes = program.measured.pieces[to]?.bytes ?? 0;
      flows.push({ from: at(program.name, from), to: at(program.name, to), share: packets / arrived, bytes });
    }
    for (const [exit, packets] of program.measured.exits) {
      const [piece = 0, verdict = 0] = exit.split(' ').map(Number);
      const next = application.flows.find(({ from, on }) => from === program.name && on === verdictName(verdict));
      if (next !== undefined)
        flows.push({ from: at(program.name, piece), to: at(next.to), share: packets / arrived, bytes: 0 });
    }
  }
  const states = statesOf(application, programs, at, arrived);
  const pins = application.pins.map(({ what, name, on }) => ({
    what,
    name,
    element: elements.findIndex((element) => element.name === on),
  }));
  return { elements, pieces, flows, states, pins, objective: application.objective };
}

function serverPiece(program: BuiltProgram & { kind: 'server' }, elements: readonly Element[], arrived: number): Piece {
  const cost = elements.map(({ tier }) => (tier === 'user' ? program.cost : 'it is a process in user space'));
  return { name: program.name, program: program.name, share: program.packets / arrived, cost };
}

function objectPiece(
  program: string,
  index: number,
  piece: MeasuredPiece,
  { maps, measured }: BuiltProgram & { kind: 'object' },
  elements: readonly Element[],
  arrived: number,
): Piece {
  const name = measured.pieces.length === 1 ? program : `${program}@${piece.head}`;
  const cost = elements.map(
    (element, e) => refusal(element, piece, maps) ?? (piece.runs === 0 ? 0 : (piece.ns[e] ?? 0) / piece.runs),
  );
  return { name: index === 0 ? program : name, program, share: piece.runs / arrived, cost };
}

/** Why a piece cannot run there. */
function refusal({ tier }: Element, { calls }: MeasuredPiece, maps: readonly MapSpec[]): string | undefined {
  for (const { helper, map } of calls.values()) {
    const refused =
      tier === 'card'
        ? cardRefusal(helper, maps[map]?.type)
        : tier === 'tc' && helper.startsWith('bpf_xdp_')
          ? `${helper} is for XDP alone`
          : undefined;
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Maps, those that are shared once. Data sections of an object are its own. */
function statesOf(
  { shared }: Application,
  programs: readonly BuiltProgram[],
  at: (program: string, piece?: number) => number,
  arrived: number,
): State[] {
  const states = new Map<
    string,
    { name: string; bytes: number; uses: { piece: number; reads: number; writes: number }[] }
  >();
  for (const program of programs) {
    if (program.kind === 'server') continue;
    for (const [i, { uses }] of program.measured.pieces.entries())
      for (const [map, { reads, writes }] of uses) {
        const spec = program.maps[map];
        if (spec === undefined) continue;
        const isShared = shared.some((each) => each.map === spec.name && each.programs.includes(program.name));
        const key = isShared ? spec.name : `${program.name} ${spec.name}`;
        const state = states.get(key) ?? { name: spec.name, bytes: bytesOf(spec), uses: [] };
        state.uses.push({ piece: at(program.name, i), reads: reads / arrived, writes: writes / arrived });
        states.set(key, state);
      }
  }
  return [...states.values()];
}

function bytesOf({ keySize, valueSize, maxEntries }: MapSpec): number {
  const round = (size: number): number => Math.ceil(size / 8) * 8;
  return (round(keySize) + round(valueSize)) * maxEntries;
}
