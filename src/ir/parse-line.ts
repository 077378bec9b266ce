/** One line of the exact text form: its words, and the value or end that it defines. */
import { InputError } from '../base/index.js';
import type { MapPart } from '../object/index.js';
import { helperNumber, kfuncNumber, stepNumber } from '../platform/index.js';
import type { End } from './function.js';
import type { Graph } from './graph.js';
import { resultOnesOfDetail } from './ones.js';
import { type OpName, opNames, opTable } from './ops.js';
import type { Detail, Piece, Space, Value } from './value.js';

/** How names of maps and context fields are read; the opposite of Names. */
export interface ParseNames {
  /** Index of a map, -1 for the unknown one; undefined: there is no such map. */
  map(name: string): number | undefined;
  /** Byte offset of a context field. */
  ctxField(name: string): number | undefined;
}

/** Reads {@link plainNames}. */
export const plainParseNames: ParseNames = {
  map: (name) => (name === 'map?' ? -1 : /^map\d+$/.test(name) ? Number(name.slice(3)) : undefined),
  ctxField: (name) => (/^ctx\[\d+\]$/.test(name) ? Number(name.slice(4, -1)) : undefined),
};

/** What a line defines. */
export interface LineValue {
  readonly name: string | undefined;
  readonly value: Value;
  /** Phis and pinned values have a place. */
  readonly isPlaced: boolean;
  /** Of a phi: the names of its arguments. */
  readonly phi?: readonly string[];
}

/** A value before what stands in braces is known. */
interface Draft {
  readonly op: OpName;
  readonly args: readonly Value[];
  readonly imm?: bigint;
  readonly detail?: Detail;
  readonly phi?: readonly string[];
}

const spaces: readonly string[] = ['packet', 'stack', 'context', 'other'] satisfies Space[];
/** Operations by the sign that stands between their arguments. */
const byInfix: ReadonlyMap<string, OpName> = new Map(
  opNames.flatMap((name): [string, OpName][] => {
    const { infix } = opTable[name];
    return infix === undefined ? [] : [[infix, name]];
  }),
);

/** Reads one line of the text form. Errors name the line and what was expected. */
export class LineParser {
  private readonly text: string;
  private readonly line: number;
  private readonly graph: Graph;
  private readonly values: Map<string, Value>;
  private readonly names: ParseNames;
  private position = 0;

  constructor(text: string, line: number, graph: Graph, values: Map<string, Value>, names: ParseNames) {
    this.text = text;
    this.line = line;
    this.graph = graph;
    this.values = values;
    this.names = names;
    this.skip();
  }

  get isBlank(): boolean {
    return this.text.trim() === '';
  }

  /** Throws InputError: here something else was expected. */
  fail(expected: string): never {
    const found =
      this.position >= this.text.length ? 'the end of the line' : `\`${this.text.slice(this.position).trim()}\``;
    throw new InputError(`expected ${expected}, not ${found}`, {
      source: `line ${this.line}, column ${this.position + 1}`,
    });
  }

  /** Takes `word` if it stands here. */
  word(word: string): boolean {
    const next = this.text[this.position + word.length];
    if (!this.text.startsWith(word, this.position) || (next !== undefined && /[\w.]/.test(next))) return false;
    this.position += word.length;
    this.skip();
    return true;
  }

  symbol(symbol: string): boolean {
    if (!this.text.startsWith(symbol, this.position)) return false;
    this.position += symbol.length;
    this.skip();
    return true;
  }

  expect(symbol: string): void {
    if (!this.symbol(symbol)) this.fail(`\`${symbol}\``);
  }

  end(): void {
    if (this.position < this.text.length) this.fail('the end of the line');
  }

  name(): string {
    return this.match(/[^\s[\](){},=]+/y, 'a name');
  }

  number(): number {
    return Number(this.match(/\d+/y, 'a number'));
  }

  numbers(): number[] {
    const list = [this.number()];
    while (this.symbol(',')) list.push(this.number());
    return list;
  }

  /** The value of a name or constant, for arguments that come later. */
  operandNamed(text: string): Value {
    const parser = new LineParser(text, this.line, this.graph, this.values, this.names);
    return parser.operand();
  }

  /** Gives the line's value its name. */
  define({ name, value }: LineValue): void {
    if (name === undefined) return;
    if (this.values.has(name)) this.fail(`a name other than ${name}, which is taken`);
    this.values.set(name, value);
  }

  /** `makePhi` where phis can be. */
  value(makePhi?: (ones: bigint) => Value): LineValue {
    const named = /v\d+(?= *= )/y;
    named.lastIndex = this.position;
    const name = named.exec(this.text)?.[0];
    if (name !== undefined) {
      this.position += name.length;
      this.skip();
      this.expect('=');
    }
    const draft = this.body();
    const notes = this.notes();
    const { op } = draft;
    const ones = notes.ones ?? resultOnesOfDetail(op, draft.detail);
    if (op === 'phi') {
      if (makePhi === undefined) this.fail('no phi in a trace');
      return { name, value: makePhi(ones), isPlaced: true, phi: draft.phi ?? [] };
    }
    this.graph.origin = { program: notes.program, pc: notes.pc };
    const detail = withNotes(draft.detail, notes);
    const imm = draft.imm ?? notes.imm;
    const value = this.graph.literal(op, draft.args, imm, detail, ones, notes.isEarly);
    const { kind } = opTable[op];
    return { name, value, isPlaced: kind !== 'pure' && kind !== 'leaf' };
  }

  /** The end of a block, if this line is one. */
  blockEnd(): End | undefined {
    if (this.word('jump')) return { kind: 'jump', to: this.number() };
    if (this.word('return')) return { kind: 'return', value: this.operand() };
    if (this.word('branch')) {
      const condition = this.operand();
      this.expect(',');
      const yes = this.number();
      this.expect(',');
      return { kind: 'branch', condition, yes, no: this.number() };
    }
    if (this.word('tail call')) {
      const map = this.map();
      const slot = this.bracketed(() => this.operand());
      this.expect(',');
      if (!this.word('else')) this.fail('`else`');
      const to = this.number();
      this.expect('{');
      if (!this.word('table')) this.fail('`table`');
      const table = this.operand();
      this.expect(',');
      if (!this.word('at')) this.fail('`at`');
      const pc = this.number();
      this.expect('}');
      return { kind: 'tail call', map, table, slot, to, pc };
    }
    if (!this.word('trap')) return undefined;
    const unsupported = this.word('unsupported');
    if (!this.word('insn')) this.fail('`insn`');
    const pc = this.number();
    this.expect(':');
    const what = this.text.slice(this.position);
    this.position = this.text.length;
    return { kind: 'trap', pc, what, unsupported };
  }

  /** What stands behind `=`: an access, a look-up, a call, an operation with a name or with a sign. */
  private body(): Draft {
    const access = /(load|store|fill|atomic)\.(\d+)/y;
    access.lastIndex = this.position;
    const found = access.exec(this.text);
    if (found !== null) {
      this.position += found[0].length;
      this.skip();
      return this.access(found[1] as 'load' | 'store' | 'fill' | 'atomic', Number(found[2]));
    }
    if (this.word('lookup')) return this.lookup();
    for (const op of ['map', 'data'] as const) if (this.word(op)) return { op, args: [], imm: BigInt(this.map()) };
    if (this.word('element')) {
      const map = this.map();
      return { op: 'element', args: [this.bracketed(() => this.operand())], imm: BigInt(map) };
    }
    if (this.word('cell')) return this.cell();
    if (this.word('slot')) {
      const map = this.map();
      return { op: 'slot', args: [this.bracketed(() => this.operand())], detail: { kind: 'slot', map } };
    }
    if (this.word('call')) return this.call();
    if (this.word('guard')) {
      const expect = !this.word('not');
      return { op: 'guard', args: [this.operand()], detail: { kind: 'guard', expect } };
    }
    if (this.word('ret')) return { op: 'ret', args: [this.operand()] };
    if (this.word('env')) return { op: 'env', args: [], imm: BigInt(this.number()) };
    if (this.word('code')) return { op: 'code', args: [], imm: BigInt(this.number()) };
    if (this.word('frame')) return { op: 'frame', args: [], imm: BigInt(this.number()) };
    for (const op of ['len', 'metalen', 'context'] as const) if (this.word(op)) return { op, args: [], imm: 0n };
    if (this.word('phi')) {
      this.expect('(');
      const phi: string[] = [];
      while (!this.symbol(')')) {
        phi.push(this.match(/[\w-]+/y, 'an argument'));
        this.symbol(',');
      }
      return { op: 'phi', args: [], phi };
    }
    const field = this.field();
    if (field !== undefined) return { op: 'ctx', args: [], imm: BigInt(field) };
    return this.operation();
  }

  /** `cell flows.next[3]`: the part stands behind the last dot. */
  private cell(): Draft {
    const whole = /(\S+)\.(value|key|bucket|next|cursor)\[(\d+)\](?:@(\d+))?/y;
    whole.lastIndex = this.position;
    const found = whole.exec(this.text);
    const map = found === null ? undefined : this.names.map(found[1] ?? '');
    if (found === null || map === undefined) this.fail('a part of a map');
    this.position += found[0].length;
    this.skip();
    const [, , part, element, cpu] = found;
    const detail: Detail = {
      kind: 'cell',
      part: part as MapPart,
      element: Number(element),
      cpu: cpu === undefined ? undefined : Number(cpu),
    };
    return { op: 'cell', args: [], imm: BigInt(map), detail };
  }

  private field(): number | undefined {
    const word = /\S+/y;
    word.lastIndex = this.position;
    const text = word.exec(this.text)?.[0] ?? '';
    const offset = this.names.ctxField(text);
    if (offset === undefined) return undefined;
    this.position += text.length;
    this.skip();
    return offset;
  }

  private operation(): Draft {
    const call = /([a-z]\w*)\(/y;
    call.lastIndex = this.position;
    const name = call.exec(this.text)?.[1];
    if (name !== undefined) {
      const op = opNames.find((known) => known === name);
      if (op === undefined || opTable[op].kind !== 'pure') this.fail('an operation');
      this.position += name.length;
      this.expect('(');
      const args = [this.operand()];
      while (this.symbol(',')) args.push(this.operand());
      this.expect(')');
      if (args.length !== opTable[op].arity) this.fail(`${opTable[op].arity} arguments of ${op}`);
      return { op, args };
    }
    const first = this.operand();
    const infix = this.match(/[^\sv]\S*/y, 'an operation');
    const op = byInfix.get(infix);
    if (op === undefined) this.fail('an operation before this');
    return { op, args: [first, this.operand()] };
  }

  /** `load.2 packet[v2 + 12]`: size, what it touches, base and offset. */
  private access(op: 'load' | 'store' | 'fill' | 'atomic', size: number): Draft {
    const kind = op === 'atomic' ? Number(this.match(/0x[0-9a-f]+/y, 'the kind of operation')) : 0;
    const where = this.match(/[^\s[]+/y, 'what is accessed');
    const isSpace = spaces.includes(where);
    const map = isSpace ? -1 : (this.names.map(where) ?? this.fail('a map before this'));
    const space = (isSpace ? where : 'map') as Space;
    this.expect('[');
    const base = this.operand();
    const sign = this.symbol('+') ? 1n : this.symbol('-') ? -1n : 0n;
    const offset = sign === 0n ? 0n : sign * BigInt(this.number());
    this.expect(']');
    const checked = this.word('checked');
    const args = [base];
    while (this.symbol(',')) args.push(this.operand());
    const common = { space, size, map, checked };
    const detail: Detail =
      op === 'atomic' ? { kind: 'atomic', ...common, atomic: kind } : { kind: 'memory', ...common };
    return { op, args, imm: offset, detail };
  }

  /** `map[key]`, the key as one address or as values with their sizes. */
  private lookup(): Draft {
    const map = this.map();
    const args: Value[] = [];
    const pieces: Piece[] = [];
    let at = 0;
    this.expect('[');
    while (!this.symbol(']')) {
      args.push(this.operand());
      if (!this.symbol('.')) continue;
      const size = this.number();
      pieces.push({ at, size });
      at += size;
    }
    return { op: 'lookup', args, detail: { kind: 'lookup', map, pieces, marks: false } };
  }

  /** `helper(args)`, with the pieces that a trace's call takes along. */
  private call(): Draft {
    const name = this.name();
    const number = helperNumber(name) ?? stepNumber(name) ?? kfuncNumber(name);
    if (number === undefined) this.fail('a helper before this');
    this.expect('(');
    const args: Value[] = [];
    while (!this.symbol(')')) {
      args.push(this.operand());
      this.symbol(',');
    }
    const pieces: Piece[] = [];
    if (this.word('reads')) {
      while (this.position < this.text.length && !this.text.startsWith('{', this.position)) {
        args.push(this.operand());
        this.expect('.');
        pieces.push(this.piece());
      }
    }
    return { op: 'call', args, detail: { kind: 'call', helper: number, name, pieces, visible: true } };
  }

  private piece(): Piece {
    const size = this.number();
    this.expect('@');
    return { size, at: Number(this.match(/0x[0-9a-f]+/y, 'an address')) };
  }

  private map(): number {
    const at = this.position;
    const index = this.names.map(this.match(/[^\s[]+/y, 'a map'));
    if (index !== undefined) return index;
    this.position = at;
    return this.fail('a map');
  }

  private bracketed<T>(read: () => T): T {
    this.expect('[');
    const result = read();
    this.expect(']');
    return result;
  }

  /** A value's name, or a constant. */
  private operand(): Value {
    const at = this.position;
    const text = this.match(/v\d+|-?0x[0-9a-f]+|-?\d+/y, 'a value');
    if (!text.startsWith('v')) return this.graph.constant(BigInt(text));
    const value = this.values.get(text);
    if (value !== undefined) return value;
    this.position = at;
    return this.fail('a value that is defined above');
  }

  /** What stands in braces at the end of a line: all that the plain form leaves out. */
  private notes(): Notes {
    const notes: Notes = {
      ones: undefined,
      imm: 0n,
      program: 0,
      pc: 0,
      marks: false,
      hidden: false,
      isEarly: false,
    };
    if (!this.symbol('{')) return notes;
    do {
      if (this.word('ones')) notes.ones = BigInt(this.match(/0x[0-9a-f]+/y, 'bits'));
      else if (this.word('imm')) notes.imm = BigInt(this.match(/-?\d+/y, 'a number'));
      else if (this.word('marks')) notes.marks = true;
      else if (this.word('hidden')) notes.hidden = true;
      else if (this.word('early')) notes.isEarly = true;
      else if (this.word('at')) {
        notes.program = this.number();
        this.expect(':');
        notes.pc = this.number();
      } else this.fail('ones, imm, marks, hidden, early or at');
    } while (this.symbol(','));
    this.expect('}');
    return notes;
  }

  private match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return this.fail(what);
    this.position += found.length;
    this.skip();
    return found;
  }

  private skip(): void {
    while (this.text[this.position] === ' ') this.position++;
  }
}

/** The notes of one line; what is not said has its default. */
interface Notes {
  ones: bigint | undefined;
  imm: bigint;
  program: number;
  pc: number;
  marks: boolean;
  hidden: boolean;
  isEarly: boolean;
}

function withNotes(detail: Detail | undefined, notes: Notes): Detail | undefined {
  if (detail?.kind === 'lookup') return { ...detail, marks: notes.marks };
  if (detail?.kind === 'call') return { ...detail, visible: !notes.hidden };
  return detail;
}
