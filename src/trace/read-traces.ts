/**
 * Reads `jitnic.traces/2` (write-traces.ts) for a machine: the traces as if they had been recorded here. A file may
 * come from anywhere, so whatever it says is looked at: that it is of this object, that its values are well-formed,
 * that what it names is there.
 */
import { InternalError } from '../base/index.js';
import { Facts } from '../condition/index.js';
import { cellOf, checkTrace, faultOf, type Graph, liveCode, parseValues, type Space, type Value } from '../ir/index.js';
import type { Location, MapPart, ProgramSpec } from '../object/index.js';
import { hasCell, JsonFields, type LoadedProgram, type Machine } from '../vm/index.js';
import { type ObjectShape, objectShape, shapeDifference } from './object-shape.js';
import type { MemoryChange, StackByte } from './recorded-memory.js';
import type { RecordedTrace } from './recording.js';
import type { Target } from './shadow.js';
import type { Snapshot, SnapshotFrame } from './snapshot.js';
import type { Assumption } from './stable-values.js';
import { tracesSchema } from './write-traces.js';

const most = Number.MAX_SAFE_INTEGER;

/**
 * `json`: the parsed file, whose name is for messages. Throws InputError for what is no such file, is of another
 * version, or was recorded of another object or program.
 */
export function readTraces(machine: Machine, program: ProgramSpec, json: unknown, file?: string): RecordedTrace[] {
  const root = new JsonFields(json, 'the file', file);
  const schema = root.text('schema');
  if (schema !== tracesSchema)
    root.fail(
      `its schema is \`${schema ?? 'none'}\`, not \`${tracesSchema}\``,
      'jitnic trace FILE -r CAPTURE --dump json makes one',
    );
  root.only('schema', 'program', 'object', 'traces');
  const difference = shapeDifference(root.value('object') as ObjectShape, objectShape(machine.object));
  if (difference !== undefined)
    root.fail(`these are traces of another object: ${difference}`, 'record them anew: jitnic trace FILE --dump json');
  const name = root.text('program');
  if (name !== program.name)
    root.fail(`these are traces of program \`${name}\`, not of \`${program.name}\``, 'name the program after the file');
  return root.list('traces').map((fields) => new TraceReader(machine, fields).read());
}

/** Reads one trace. Everything that is named has to be there, else `fields.fail` says where in the file. */
class TraceReader {
  private readonly machine: Machine;
  private readonly fields: JsonFields;
  private readonly graph: Graph;
  private readonly named: ReadonlyMap<string, Value>;
  private readonly constants: number;

  constructor(machine: Machine, fields: JsonFields) {
    this.machine = machine;
    this.fields = fields;
    const constants = fields.texts('constants').map((text) => this.number(text));
    const lines = fields.texts('values');
    const { graph, named } = fields.attempt('values', () => parseValues(lines, constants));
    this.graph = graph;
    this.named = named;
    this.constants = graph.code.length - lines.length;
  }

  /** Graph first, since all else names its values. */
  read(): RecordedTrace {
    const { fields, graph } = this;
    this.checkGraph();
    const guards = fields.texts('guards').map((text) => this.operand(fields, text));
    const changes = fields.list('changes').map((change) => this.change(change));
    const snapshots = fields.list('snapshots').flatMap((shown) => {
      const snapshot = this.snapshot(shown);
      return Array.from({ length: shown.integer('of_guards', guards.length) }, () => snapshot);
    });
    if (snapshots.length !== guards.length) fields.fail('guards and snapshots are not as many');
    const sampled = fields.tuples('sampled', 2).map(([name, step]) => ({
      value: this.operand(fields, String(name)),
      step: Number(step),
    }));
    const joins = (fields.value('joins') === undefined ? [] : fields.tuples('joins', 2)).map(([step, exit]) => ({
      step: Number(step),
      exit: Number(exit),
    }));
    const code = liveCode(graph.code);
    try {
      checkTrace(code, 'trace file');
    } catch (error) {
      if (error instanceof InternalError) fields.fail(`\`values\` are no trace: ${error.message}`);
      throw error;
    }
    const start = fields.part('start');
    return {
      code,
      recorded: graph.code,
      verdict: fields.integer('verdict', 0xffff_ffff),
      steps: fields.integer('steps', most),
      program: this.program(fields),
      facts: factsOf(graph, changes),
      assumptions: changes.flatMap((change) => (change.kind === 'assumed' ? [change.assumption] : [])),
      metaLength: fields.value('meta_length') === null ? undefined : BigInt(fields.integer('meta_length', 255)),
      history: { graph, guards, sampled, snapshots, changes, joins },
      start: start === undefined ? undefined : this.snapshot(start),
    };
  }

  /** Values that are well-formed, and name maps and elements that there are. */
  private checkGraph(): void {
    const { fields, graph, machine } = this;
    for (const value of graph.code) {
      const fault = faultOf(value);
      if (fault !== undefined) fields.fail(`\`values\`: v${value.id - this.constants} ${fault}`);
      const { detail, op, imm } = value;
      const isNamed = op === 'map' || op === 'data' || op === 'element' || op === 'cell';
      const map = isNamed ? Number(imm) : detail !== undefined && 'map' in detail ? detail.map : -1;
      if (map >= machine.maps.length) fields.fail(`\`values\` name map ${map}, which is not there`);
      const cell = cellOf(value);
      if (cell !== undefined) this.checkCell(fields, { ...cell, offset: 0 });
    }
  }

  /** A map's cell as this machine has it: it may have other CPUs. */
  private checkCell(fields: JsonFields, at: Location): Location {
    const map = this.machine.maps[at.map];
    if (map === undefined || !hasCell(map, at))
      fields.fail(`there is no ${at.part} ${at.element} of map ${at.map}`, 'was it recorded with more CPUs?');
    return at;
  }

  private number(text: string): bigint {
    if (!/^-?(\d+|0x[0-9a-f]+)$/.test(text)) this.fields.fail(`\`${text}\` is no number`);
    return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  }

  /** A value by its line, or a constant by its number. */
  private operand(fields: JsonFields, text: string): Value {
    if (!text.startsWith('v')) {
      const constant = this.graph.constant(this.number(text));
      // One that the recording did not have would be younger than what it stands in.
      return constant.id < this.constants ? constant : fields.fail(`\`${text}\` is not among the constants`);
    }
    return this.named.get(text) ?? fields.fail(`there is no value \`${text}\``);
  }

  private optional(fields: JsonFields, key: string): Value | undefined {
    return fields.value(key) === null ? undefined : this.operand(fields, fields.text(key) ?? '');
  }

  private required(fields: JsonFields, key: string): Value {
    return this.operand(fields, fields.text(key) ?? '');
  }

  private program(fields: JsonFields): LoadedProgram {
    const { programs } = this.machine;
    return programs[fields.integer('program', programs.length - 1)] as LoadedProgram;
  }

  /** A snapshot; its counts must not exceed what the trace has. */
  private snapshot(fields: JsonFields): Snapshot {
    const lines = this.graph.code.length - this.constants;
    return {
      program: this.program(fields),
      pc: fields.integer('pc', most),
      step: fields.integer('step', most),
      tailCalls: fields.integer('tail_calls', most),
      frames: fields.list('frames').map((frame) => this.frame(frame)),
      values: this.constants + fields.integer('values', lines),
      guards: fields.integer('guards', lines),
      changes: fields.integer('changes', most),
      sampled: fields.integer('sampled', most),
    };
  }

  private frame(fields: JsonFields): SnapshotFrame {
    return {
      pc: fields.integer('pc', most),
      live: fields.integer('live', 0x7ff),
      values: fields.texts('values').map((text) => this.operand(fields, text)),
    };
  }

  /** What was done to memory, in order. */
  private change(fields: JsonFields): MemoryChange {
    const kind = fields.choice('kind', changeKinds);
    const size = (): number => fields.integer('size', 0xffff_ffff);
    const map = (): number => fields.signed('map', 0xffff_ffff);
    switch (kind) {
      case 'frame':
        return { kind, depth: fields.integer('depth', 7) };
      case 'elements':
        return { kind, map: map() };
      case 'clobber-all':
        return { kind, space: fields.choice('space', spaces), map: map() };
      case 'spill':
        return { kind, address: fields.integer('address', most), size: size(), value: this.required(fields, 'value') };
      case 'filled':
        return { kind, address: fields.integer('address', most), bytes: this.bytes(fields) };
      case 'store':
        return { kind, at: this.target(fields), size: size(), value: this.required(fields, 'value') };
      case 'clobber':
        return { kind, at: this.target(fields), size: size() };
      case 'root': {
        const root = { space: fields.choice('space', spaces), map: map(), size: size() };
        return { kind, pointer: this.required(fields, 'pointer'), root, found: fields.flag('found', false) };
      }
      case 'bounds': {
        const [data, meta] = [BigInt(fields.signed('data', most)), BigInt(fields.signed('meta', most))];
        return { kind, data, meta, end: this.required(fields, 'end') };
      }
      case 'end':
        return { kind, end: this.required(fields, 'end') };
      case 'assumed':
      case 'asked':
        return { kind, assumption: this.assumption(fields) };
    }
  }

  /** Stack bytes: a byte of a value, or what memory holds. */
  private bytes(fields: JsonFields): StackByte[] {
    return fields.tuples('bytes', 2).map((byte): StackByte => {
      if (byte.length === 0) return 'memory';
      return { value: this.operand(fields, String(byte[0])), byte: Number(byte[1]) & 7 };
    });
  }

  /** Where a store went. */
  private target(of: JsonFields): Target {
    const fields = of.part('at') ?? of.fail('`at` is missing');
    const anchor = fields.part('anchor');
    return {
      space: fields.choice('space', spaces),
      map: fields.signed('map', 0xffff_ffff),
      base: this.optional(fields, 'base'),
      offset: fields.signed('offset', most),
      anchor:
        anchor === undefined
          ? undefined
          : {
              place: this.required(anchor, 'place'),
              size: anchor.integer('size', most),
              rest: this.optional(anchor, 'rest'),
            },
    };
  }

  /** A value of a map that was taken for a constant, by location. */
  private assumption(fields: JsonFields): Assumption {
    const at = fields.part('at') ?? fields.fail('`at` is missing');
    const location: Location = {
      map: at.integer('map', most),
      part: at.choice('part', parts),
      element: at.integer('element', most),
      cpu: at.value('cpu') === null ? undefined : at.integer('cpu', most),
      offset: at.integer('offset', most),
    };
    const value = this.number(fields.text('value') ?? '');
    return { at: this.checkCell(at, location), size: fields.integer('size', 8), value };
  }
}

const changeKinds = [
  'frame',
  'spill',
  'filled',
  'store',
  'clobber',
  'clobber-all',
  'elements',
  'root',
  'bounds',
  'end',
  'assumed',
  'asked',
] as const satisfies readonly MemoryChange['kind'][];

const spaces = ['packet', 'stack', 'map', 'context', 'other'] as const satisfies readonly Space[];
const parts = ['value', 'key', 'bucket', 'next', 'cursor'] as const satisfies readonly MapPart[];

/** What the guards say, as the recording came to know it. */
function factsOf({ code }: Graph, changes: readonly MemoryChange[]): Facts {
  const facts = new Facts();
  const found = new Set(changes.flatMap((change) => (change.kind === 'root' && change.found ? [change.pointer] : [])));
  for (const value of code) {
    if (found.has(value)) facts.found.set(value, true);
    const [condition] = value.args;
    if (value.detail?.kind === 'guard' && condition !== undefined) facts.assert(condition, value.detail.expect);
  }
  facts.settle();
  facts.sources.forget();
  return facts;
}
