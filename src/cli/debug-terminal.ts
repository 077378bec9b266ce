/**
 * The debugger in the terminal: one command a line, gdb's words, so that it works over ssh, in 80 columns and from a
 * file. An empty line at a terminal does again what moved last.
 */
import { UsageError, UserError } from '../base/index.js';
import { type Debugger, Panels, type StepKind, type StopReason } from '../debug/index.js';
import { nearest } from '../text/index.js';
import type { Io } from './command.js';
import type { Opened } from './debug-open.js';
import { InterruptedError } from './interrupt.js';

/** What a command works on. */
interface Seat {
  readonly debug: Debugger;
  readonly panels: Panels;
}

/** A command of the debugger. Its text is what it prints; undefined: it ends the debugger. */
interface Row {
  /** The first is its name, the others short for it. */
  readonly names: readonly string[];
  readonly args: string;
  readonly help: string;
  readonly group: string;
  /** At a terminal an empty line does it again. */
  readonly repeats?: true;
  readonly run: (seat: Seat, args: string) => string | undefined;
}

/** Lines or instructions around the one at hand that `list` and `code` show. */
const around = 6;

function stepping(kind: StepKind, back: boolean): Row['run'] {
  return (seat, args) => {
    const times = numberOf(args, 1);
    let reason: StopReason = seat.debug.reason;
    for (let i = 0; i < times; i++) {
      reason = seat.debug.step(kind, back);
      if (reason.kind !== 'step') break;
    }
    return seat.panels.stop();
  };
}

function numberOf(text: string, otherwise: number): number {
  if (text.trim() === '') return otherwise;
  if (!/^\d+$/.test(text.trim())) throw new UsageError(`\`${text.trim()}\` is no number`);
  return Number(text.trim());
}

function motion(names: readonly string[], kind: StepKind, back: boolean, help: string): Row {
  return {
    names,
    args: kind === 'out' ? '' : '[N]',
    help,
    group: back ? 'Back' : 'Forward',
    repeats: true,
    run: stepping(kind, back),
  };
}

/** All of them, in the order of help. */
const rows: readonly Row[] = [
  motion(['step', 's'], 'line', false, 'to the next line, into functions'),
  motion(['next', 'n'], 'line over', false, 'to the next line, over functions'),
  motion(['stepi', 'si'], 'insn', false, 'one instruction'),
  motion(['nexti', 'ni'], 'insn over', false, 'one instruction, over functions'),
  motion(['finish', 'fin'], 'out', false, 'until this function has returned'),
  {
    names: ['continue', 'c'],
    args: '',
    help: 'to the next breakpoint, or the end',
    group: 'Forward',
    repeats: true,
    run: ({ debug, panels }) => {
      debug.continue();
      return panels.stop();
    },
  },
  motion(['reverse-step', 'rs'], 'line', true, 'to the line before, into functions'),
  motion(['reverse-next', 'rn'], 'line over', true, 'to the line before, over functions'),
  motion(['reverse-stepi', 'rsi'], 'insn', true, 'one instruction back'),
  motion(['reverse-nexti', 'rni'], 'insn over', true, 'one instruction back, over functions'),
  motion(['reverse-finish', 'rfin'], 'out', true, 'to where this function was called'),
  {
    names: ['reverse-continue', 'rc'],
    args: '',
    help: 'to the breakpoint before, or the beginning',
    group: 'Back',
    repeats: true,
    run: ({ debug, panels }) => {
      debug.continue(true);
      return panels.stop();
    },
  },
  {
    names: ['goto', 'g'],
    args: 'STEP|start|end',
    help: 'to a step by its number',
    group: 'Back',
    run: ({ debug, panels }, args) => {
      const word = args.trim();
      const ends: Readonly<Record<string, number>> = { start: 0, end: debug.execution.length };
      if (word === '')
        throw new UsageError('to which step?', {}, `0 to ${debug.execution.length}, \`start\` or \`end\``);
      debug.goTo(ends[word] ?? numberOf(word, 0));
      return panels.stop();
    },
  },
  {
    names: ['break', 'b'],
    args: '[PLACE] [if EXPR]',
    help: 'stop at a place, once EXPR is true',
    group: 'Stops',
    run: ({ debug, panels }, args) => {
      if (args.trim() === '') return panels.stops();
      debug.addStop(args);
      return panels.stops();
    },
  },
  {
    names: ['watch', 'w'],
    args: 'EXPR [if EXPR]',
    help: 'stop when a value changes',
    group: 'Stops',
    run: ({ debug, panels }, args) => {
      debug.addChange(args);
      return panels.stops();
    },
  },
  {
    names: ['delete', 'd'],
    args: '[N]',
    help: 'delete a breakpoint or watchpoint, or all',
    group: 'Stops',
    run: ({ debug, panels }, args) => {
      if (args.trim() === '') debug.stops.length = 0;
      else if (!debug.removeStop(numberOf(args, 0))) throw new UsageError(`there is no breakpoint ${args.trim()}`);
      return panels.stops();
    },
  },
  {
    names: ['disable'],
    args: 'N',
    help: 'do not stop there',
    group: 'Stops',
    run: (seat, args) => enabled(seat, args, false),
  },
  {
    names: ['enable'],
    args: 'N',
    help: 'stop there again',
    group: 'Stops',
    run: (seat, args) => enabled(seat, args, true),
  },
  {
    names: ['display'],
    args: 'EXPR',
    help: 'show a value at each stop',
    group: 'Stops',
    run: ({ debug, panels }, args) => {
      const watch = debug.addWatch(args);
      return `  ${watch.text} = ${panels.valueText(watch)}\n`;
    },
  },
  {
    names: ['undisplay'],
    args: '[N]',
    help: 'no more',
    group: 'Stops',
    run: ({ debug, panels }, args) => {
      if (args.trim() === '') debug.watches.length = 0;
      else debug.watches.splice(numberOf(args, 1) - 1, 1);
      return panels.stops();
    },
  },
  look(['where', 'wh'], 'the stop again', ({ panels }) => panels.stop()),
  {
    names: ['list', 'l'],
    args: '[LINE]',
    help: 'source lines',
    group: 'Look',
    run: ({ debug, panels }, args) => {
      const [frame] = debug.frames;
      const source = frame === undefined ? undefined : debug.whereIs(frame).source;
      const file = source?.file ?? debug.lines.files[0];
      if (file === undefined) throw new UsageError('the object has no source lines', {}, 'instructions: code');
      const line = numberOf(args, source?.line ?? debug.lines.linesOf(file)[0] ?? 1);
      return `${panels.lines(around, { file, line }).join('\n')}\n`;
    },
  },
  {
    names: ['code', 'x'],
    args: '[N]',
    help: 'instructions around the one at hand',
    group: 'Look',
    run: ({ panels }, args) => panels.code(numberOf(args, around)),
  },
  look(['registers', 'r'], 'registers, what they point to, what is known', ({ panels }) => panels.registers()),
  look(['stack'], 'the stack frame', ({ panels }) => panels.stack()),
  look(['packet', 'p'], 'the packet, field by field', ({ panels }) => panels.packet()),
  look(['bytes'], 'the packet in hexadecimal', ({ panels }) => panels.bytes()),
  {
    names: ['maps', 'm'],
    args: '[MAP]',
    help: 'maps, changes first: + new, * changed, - deleted',
    group: 'Look',
    run: ({ debug, panels }, args) => {
      const name = args.trim();
      const text = panels.maps(name === '' ? undefined : name);
      if (text !== undefined) return text;
      const names = debug.object.maps.map((map) => map.name);
      const near = nearest(name, names);
      throw new UsageError(
        `there is no map \`${name}\``,
        {},
        near === undefined ? `maps: ${names.join(', ')}` : `did you mean \`${near}\`?`,
      );
    },
  },
  look(['known', 'k'], 'what the verifier knows here', ({ panels }) => panels.known()),
  look(['frames', 'bt'], 'functions that are open', ({ panels }) => panels.frames()),
  look(['outputs', 'o'], 'lines and records put out so far', ({ panels }) => panels.outputs()),
  {
    names: ['print', '='],
    args: 'EXPR',
    help: 'the value of an expression',
    group: 'Look',
    run: ({ debug, panels }, args) => {
      const watch = debug.addWatch(args);
      debug.watches.pop();
      return `  ${panels.valueText(watch)}\n`;
    },
  },
  {
    names: ['help', 'h'],
    args: '[COMMAND|expressions]',
    help: 'this, or more of one command',
    group: 'And',
    run: (_, args) => helpText(args.trim()),
  },
  { names: ['quit', 'q'], args: '', help: 'end', group: 'And', run: () => undefined },
];

function look(names: readonly string[], help: string, show: (seat: Seat) => string): Row {
  return { names, args: '', help, group: 'Look', run: show };
}

function enabled({ debug, panels }: Seat, args: string, isEnabled: boolean): string {
  const stop = debug.stops.find(({ number }) => number === numberOf(args, -1));
  if (stop === undefined) throw new UsageError(`there is no breakpoint ${args.trim()}`);
  stop.isEnabled = isEnabled;
  return panels.stops();
}

const placesHelp = `  PLACE is LINE, FILE:LINE, FUNCTION or *INSN; without it, anywhere
`;

const expressionsHelp = `  C's operators, and
    r0 ... r10, w0 ... w9         registers, their low halves
    ip.ttl, tcp.dport, ip2.src    fields of the packet: ip.src == 10.0.0.1
    pkt[12:2], len                bytes of the packet, its length
    limit, cfg.ports[2]           global variables
    flows[{src: 1}].bytes         an element of a map, or a member of it
    r6->bytes                     a member of the map value behind a register
    u32[r2 + 4], *(u32 *)(r2 + 4) memory
    (s32)r1, step, depth, pc      a cast; where it stands
  What is not there has no value; comparing it is false.
`;

function helpText(word: string): string {
  if (/^expr/.test(word)) return expressionsHelp;
  if (word !== '') {
    const { names, args, help } = rowOf(word);
    const short = names.length > 1 ? ` (${names.slice(1).join(', ')})` : '';
    const more = args.includes('PLACE') ? placesHelp : '';
    return `  ${names[0]} ${args}${short}: ${help}\n${more}`;
  }
  let text = '';
  for (const group of new Set(rows.map((row) => row.group))) {
    text += `${group}:\n`;
    for (const { names, args, help, group: own } of rows)
      if (own === group) text += `  ${`${names.join(', ')} ${args}`.padEnd(28)} ${help}\n`;
  }
  return `${text}PLACE and EXPR: help break, help expressions\n`;
}

/** Throws UsageError with the nearest name. */
function rowOf(word: string): Row {
  const found = rows.find(({ names }) => names.includes(word));
  if (found !== undefined) return found;
  const all = rows.flatMap(({ names }) => names);
  const near = nearest(word, all);
  throw new UsageError(
    `there is no command \`${word}\``,
    {},
    near === undefined ? '`help` lists them' : `did you mean \`${near}\`?`,
  );
}

/** Runs commands until they end. False: one of a file or pipe was wrong. */
export async function debugInTerminal({ debug, source }: Opened, io: Io): Promise<boolean> {
  const panels = new Panels(debug, { width: io.width, paint: io.style, source });
  const seat: Seat = { debug, panels };
  let isFine = true;
  let last = '';
  io.out(panels.stop());
  if (io.isInteractive) io.out('`help` lists the commands; an empty line steps again\n');
  for await (const line of io.lines('debug> ', completions(debug))) {
    const words = line.trim();
    if (words.startsWith('#')) continue;
    if (words === '' && !io.isInteractive) continue;
    if (!io.isInteractive) io.out(`debug> ${words}\n`);
    const command = words === '' ? last : words;
    if (command === '') continue;
    try {
      const row = rowOf(/^(?:=|\S+)/.exec(command)?.[0] ?? '');
      last = row.repeats === true ? command : last;
      const args = command.replace(/^(?:=|\S+)\s*/, '');
      const text = await io.work(`at \`${row.names[0]}\``, () => row.run(seat, args));
      if (text === undefined) return isFine;
      io.out(text);
    } catch (error) {
      if (!(error instanceof UserError) || error instanceof InterruptedError) throw error;
      isFine = false;
      io.out(`${error.format()}\n`);
    }
  }
  return isFine || io.isInteractive;
}

/** Commands, and behind them names that there are. */
function completions(debug: Debugger): (line: string) => readonly string[] {
  const commands = rows.map(({ names }) => names[0] ?? '');
  const functions = debug.object.programs.flatMap(({ functions: all }) => all.map(({ name }) => name));
  const maps = debug.object.maps.map(({ name }) => name);
  return (line) => {
    const space = line.lastIndexOf(' ');
    const [head, word] = [line.slice(0, space + 1), line.slice(space + 1)];
    const candidates = space < 0 ? commands : line.startsWith('b') ? functions : maps;
    return candidates.filter((candidate) => candidate.startsWith(word)).map((candidate) => head + candidate);
  };
}
