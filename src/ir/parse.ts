/** Reads the exact text form of the IR (print.ts, print-function.ts) back: the same function or trace. */
import type { End, FunctionCode } from './function.js';
import { FunctionDraft } from './function-draft.js';
import { Graph } from './graph.js';
import { LineParser, type ParseNames, plainParseNames } from './parse-line.js';
import type { TraceCode } from './trace.js';
import type { Value } from './value.js';
import type { Program } from './world.js';

/** Values whose arguments come in later lines: phis, by the names of their arguments. */
interface OpenPhi {
  readonly phi: Value;
  readonly block: number;
  readonly args: readonly string[];
  readonly line: LineParser;
}

/** Throws InputError with line and column. `program` is what the function is said to be of. */
export function parseFunction(text: string, program: Program, names: ParseNames = plainParseNames): FunctionCode {
  return new FunctionParser(text, program, names).parse();
}

/** Throws InputError with line and column. */
export function parseTrace(text: string, names: ParseNames = plainParseNames): TraceCode {
  const graph = new Graph({ fold: false, share: false });
  const values = new Map<string, Value>();
  let transactional = false;
  for (const [i, line] of text.split('\n').entries()) {
    const parser = new LineParser(line, i + 1, graph, values, names);
    if (parser.isBlank) continue;
    if (parser.word('transactional')) transactional = true;
    else parser.define(parser.value());
    parser.end();
  }
  // Constants are part of a trace's list; the text has them in place.
  return { values: graph.code, transactional };
}

/** Values of a trace that is being read, by the names that its lines give them. */
export interface ParsedValues {
  /** Goes on where the text ends, as a recording does. */
  readonly graph: Graph;
  readonly named: ReadonlyMap<string, Value>;
}

/**
 * Reads the lines of a trace's exact text, dead values and all. Constants, which lines have in place, are made first
 * and in that order: so line i is value `constants.length + i` of the graph. Throws InputError with line and column.
 */
export function parseValues(
  lines: readonly string[],
  constants: readonly bigint[],
  names: ParseNames = plainParseNames,
): ParsedValues {
  const graph = new Graph({ fold: false, share: false });
  for (const constant of constants) graph.constant(constant);
  const named = new Map<string, Value>();
  for (const [i, line] of lines.entries()) {
    const parser = new LineParser(line, i + 1, graph, named, names);
    const made = parser.value();
    if (made.value.id !== constants.length + i) parser.fail('a value that no line before this one has');
    // What has no name in the text can be spoken of all the same: guards, stores.
    named.set(`v${i}`, made.value);
    parser.end();
  }
  return { graph: graph.reopened(), named };
}

/** Reads a function line by line; phis get their arguments when all values are known. */
class FunctionParser {
  private readonly lines: readonly string[];
  private readonly names: ParseNames;
  private readonly graph = new Graph({ fold: false, share: false });
  private readonly values = new Map<string, Value>();
  private readonly phis: OpenPhi[] = [];
  private readonly preds = new Map<number, readonly number[]>();
  private readonly program: Program;
  private readonly draft: FunctionDraft;
  private readonly flags = { checked: false, hoists: false };

  constructor(text: string, program: Program, names: ParseNames) {
    this.lines = text.split('\n');
    this.names = names;
    this.program = program;
    const [head = ''] = this.lines;
    const parser = this.at(head, 0);
    if (!parser.word('function')) parser.fail('`function` and a name');
    parser.name();
    for (const flag of ['checked', 'hoists'] as const) if (parser.word(flag)) this.flags[flag] = true;
    parser.end();
    this.draft = new FunctionDraft(program, this.graph, { checked: this.flags.checked });
  }

  parse(): FunctionCode {
    const blocks = new Map<number, LineParser>();
    const ends = new Map<number, End>();
    let block = -1;
    for (const [i, line] of this.lines.entries()) {
      const parser = this.at(line, i);
      if (i === 0 || parser.isBlank) continue;
      if (parser.word('block')) {
        block = parser.number();
        if (blocks.has(block)) parser.fail('a block of another number');
        blocks.set(block, parser);
        this.preds.set(block, parser.symbol('<-') ? parser.numbers() : []);
        while (this.lastBlock < block) this.lastBlock = this.draft.block();
      } else if (block < 0) {
        parser.fail('`block`');
      } else if (ends.has(block)) {
        parser.fail('`block`: this one has ended');
      } else {
        this.statement(parser, block, ends);
      }
      parser.end();
    }
    const first = this.at('', this.lines.length - 1);
    if (!blocks.has(0)) first.fail('block 0');
    for (const [id, parser] of blocks) if (!ends.has(id)) parser.fail('an end of this block');
    this.closePhis();
    return this.finish(blocks, ends);
  }

  private lastBlock = -1;

  private at(line: string, index: number): LineParser {
    return new LineParser(line, index + 1, this.graph, this.values, this.names);
  }

  private statement(parser: LineParser, block: number, ends: Map<number, End>): void {
    const end = parser.blockEnd();
    if (end !== undefined) {
      ends.set(block, end);
      return;
    }
    const made = parser.value((ones) => this.draft.phi(block, ones));
    parser.define(made);
    if (made.phi !== undefined) this.phis.push({ phi: made.value, block, args: made.phi, line: parser });
    else if (made.isPlaced) this.draft.pin(block, made.value);
  }

  /** Arguments of phis, one for each predecessor in their order. */
  private closePhis(): void {
    for (const { phi, block, args, line } of this.phis) {
      const preds = this.preds.get(block) ?? [];
      if (args.length !== preds.length) line.fail(`${preds.length} arguments, one for each predecessor`);
      for (const [i, pred] of preds.entries()) this.draft.argument(phi, pred, line.operandNamed(args[i] ?? ''));
    }
  }

  private finish(blocks: ReadonlyMap<number, LineParser>, ends: ReadonlyMap<number, End>): FunctionCode {
    for (let id = 0; id <= this.lastBlock; id++) {
      this.draft.end(id, ends.get(id) ?? { kind: 'trap', pc: 0, what: '', unsupported: false });
    }
    for (const [id, end] of ends) {
      const missing = 'to' in end ? [end.to] : end.kind === 'branch' ? [end.yes, end.no] : [];
      for (const to of missing) if (!blocks.has(to)) blocks.get(id)?.fail(`a block ${to} to go to`);
    }
    const code = this.draft.finish();
    // The text says in which order the predecessors stand.
    const ordered = code.blocks.map((block, id) => {
      const preds = this.preds.get(id) ?? [];
      if (block === undefined) return undefined;
      if ([...preds].sort((a, b) => a - b).join() !== block.preds.join())
        blocks.get(id)?.fail(`predecessors ${block.preds.join(', ')}`);
      const phis = block.phis.map(({ value, args }) => ({
        value,
        args: preds.map((pred) => args[block.preds.indexOf(pred)] as Value),
      }));
      return { ...block, preds, phis };
    });
    return { ...code, program: this.program, blocks: ordered, hoists: this.flags.hoists };
  }
}
