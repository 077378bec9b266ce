/**
 * What a description of a card may say: a row a parameter. Reading, checking, showing and the JSON schema
 * (schemas/card-file.schema.json) all follow from this table.
 *
 * A path names the place in the file: `front.entries` is `entries` in `front`; `*` stands for a name of the author's
 * choice (a memory).
 */

/** The kinds of cards: stages of a pipeline, rows of a VLIW core, many small cores. */
export const cardKinds = ['pipeline', 'vliw', 'manycore'] as const;

/** What a card is made of: how its description is read, and which model runs it. */
export type CardKind = (typeof cardKinds)[number];

/** How a parameter's value is known: by a measurement, from a publication, or by assumption. */
export const bases = ['measured', 'published', 'assumed'] as const;

/** One of {@link bases}. */
export type Basis = (typeof bases)[number];

/** A parameter that a description may have. */
export interface ParameterRow {
  readonly path: string;
  /** The unit that its value is in, as files write it; the empty string for words and plain numbers. */
  readonly unit: string;
  /** Whole numbers, any numbers, one word of a list, or several of them. */
  readonly type: 'integer' | 'number' | 'word' | 'words';
  /** The words there are. */
  readonly words?: readonly string[];
  /** The least value of a number. */
  readonly least?: number;
  /** Kinds of cards that must have it; others may. Of a memory: each that is described. */
  readonly needs: readonly CardKind[];
  /** One line, lower case. */
  readonly what: string;
}

const all = cardKinds;
const none: readonly CardKind[] = [];
const cores: readonly CardKind[] = ['vliw', 'manycore'];
const contents = ['packet', 'stack', 'maps', 'instructions', 'keys'] as const;

/** Strategies against hazards between packets under way. */
export const hazardStrategies = ['forward', 'atomic', 'stall', 'flush'] as const;

const integer = (path: string, unit: string, least: number, needs: readonly CardKind[], what: string): ParameterRow => {
  return { path, unit, type: 'integer', least, needs, what };
};
const number = (path: string, unit: string, needs: readonly CardKind[], what: string): ParameterRow => {
  return { path, unit, type: 'number', least: 0, needs, what };
};

/**
 * What becomes of a packet on the card that uses a map which a packet on its way through the host may write: it waits
 * until that one is done, or something outside of the model (coherence) is taken to order them at no cost.
 */
export const slowPathOrders = ['stall', 'ordered'] as const;

/** The table, in the order in which cards are shown. */
export const parameterRows: readonly ParameterRow[] = [
  number('clock', 'MHz', all, 'clock of the cores or of the pipeline'),
  number('mac.rate', 'Gb/s', all, 'what a port carries each way, preamble, checksum and gap included'),
  integer('mac.queue', 'packets', 1, all, 'packets that wait in front of the card, and as many behind it'),
  number('mac.ingress', 'M/s', ['manycore'], 'packets that are handed to threads'),
  number('mac.egress', 'M/s', ['manycore'], 'packets that are taken from threads and sent'),
  {
    path: 'front.match',
    unit: '',
    type: 'word',
    words: ['none', 'constant', 'ternary'],
    needs: all,
    what: 'match table',
  },
  integer('front.entries', 'conditions', 0, all, 'conditions that the match table holds'),
  integer('front.key_bits', 'bits', 0, all, 'bits of a packet that a condition may look at'),
  integer('front.parser_depth', 'B', 0, all, 'bytes of a packet that the parser reaches'),
  integer('front.cycles', 'cycles', 0, ['pipeline'], 'cycles from the first byte to a match'),
  integer('units.cores', 'cores', 1, all, 'cores, or pipelines side by side'),
  integer('units.lanes', 'lanes', 1, all, 'instructions that start in one cycle'),
  integer('units.stages', 'stages', 1, all, 'stages that an instruction or packet goes through'),
  integer('units.threads', 'threads', 1, all, 'threads of a core'),
  integer('units.islands', 'islands', 1, ['manycore'], 'groups of cores that have memories of their own'),
  integer('frame.width', 'B', 1, all, 'bytes of a packet that move in one cycle'),
  integer('core.enter', 'cycles', 0, cores, 'cycles before the first row or instruction'),
  integer('core.leave', 'cycles', 0, cores, 'cycles behind the last one'),
  integer('core.leave_early', 'cycles', 0, ['vliw'], 'the same, of an exit that is seen at fetch and drops the packet'),
  integer('core.branch', 'cycles', 1, cores, 'cycles lost where a branch is taken'),
  integer('core.waits', 'cycles', 0, ['manycore'], 'cycles in which a thread waits for what is around the program'),
  integer('core.helper', 'cycles', 0, ['manycore'], 'cycles that a core is busy with a helper'),
  integer('core.division', 'cycles', 0, ['manycore'], 'cycles of a division that no multiplication replaces'),
  integer('lookups.array', 'accesses', 0, ['manycore'], 'accesses of memory of a look-up by index'),
  integer('lookups.hash', 'accesses', 0, ['manycore'], 'accesses of a look-up by hash'),
  integer('lookups.trie', 'accesses', 0, ['manycore'], 'accesses of a look-up of a longest prefix'),
  integer('limits.operations', 'operations', 1, all, 'operations that one packet may take'),
  integer('limits.memory_operations', 'operations', 0, ['pipeline'], 'operations on memory that one trace may have'),
  integer('limits.passes', 'passes', 1, ['pipeline'], 'times that a packet may go through the stages'),
  integer('limits.stack', 'B', 0, all, 'bytes of the stack'),
  integer('limits.instructions', 'rows', 1, all, 'rows of the instruction store; of one instruction where lanes are 1'),
  integer('limits.packet', 'B', 64, all, 'the longest packet'),
  {
    path: 'hazards.strategy',
    unit: '',
    type: 'word',
    words: hazardStrategies,
    needs: ['pipeline'],
    what: 'what is done about a read of what an earlier packet will write',
  },
  integer('hazards.reload', 'cycles', 0, ['pipeline'], 'cycles lost by a flush besides the stages that are emptied'),
  {
    path: 'hazards.slow_path',
    unit: '',
    type: 'word',
    words: slowPathOrders,
    needs: ['pipeline'],
    what: 'what is done about maps that a packet on its way through the host may write',
  },
  integer('hazards.parked', 'packets', 0, none, 'packets that may wait on the card for the host while others pass'),
  {
    path: 'maps.placement',
    unit: '',
    type: 'word',
    words: ['far', 'counted'],
    needs: ['manycore'],
    what: 'maps stand in the memory furthest away, or by what packets were counted to do',
  },
  integer('memories.*.size', 'B', 1, all, 'size'),
  integer('memories.*.latency', 'cycles', 0, all, 'cycles from address to data'),
  integer('memories.*.remote', 'cycles', 0, none, 'cycles more from another island; none: all are as far from it'),
  integer('memories.*.ports', 'ports', 1, all, 'accesses that start in one cycle'),
  integer('memories.*.atomic_units', 'units', 0, all, 'read-modify-write operations that start in one cycle'),
  { path: 'memories.*.holds', unit: '', type: 'words', words: contents, needs: all, what: 'what may stand there' },
  number('link.read_64', 'ns', all, '64 bytes read from the host, median'),
  number('link.read_2048', 'ns', all, '2 KiB read from the host, median'),
  number('link.write_read_64', 'ns', all, '64 bytes written and read again, median'),
  number('link.p999', 'ns', all, 'p99.9 of a read of 64 bytes'),
  number('link.reads_64', 'M/s', all, 'reads of 64 bytes that the link carries'),
  number('link.reads_1024', 'M/s', none, 'reads of 1 KiB that the link carries'),
  number('link.message', 'ns', none, 'what a message of a coherence protocol takes a core of the host'),
  integer('link.queue', 'packets', 1, all, 'packets that wait for the link'),
  number('sequencer.clock', 'MHz', none, 'clock of a stage that puts history in front of packets, if there is one'),
  integer('sequencer.rows', 'rows', 1, none, 'rows of its ring'),
  integer('sequencer.row_bits', 'bits', 1, none, 'bits of a row'),
  number('costs.install', 'ns', all, 'time in which a trace is written, when it has arrived'),
  number('costs.evict', 'ns', all, 'time in which a trace is taken out'),
];

const rowOfPath: ReadonlyMap<string, ParameterRow> = new Map(parameterRows.map((row) => [row.path, row]));

/** The row of a path as a file has it: `memories.dram.size` is `memories.*.size`. */
export function parameterRow(path: string): ParameterRow | undefined {
  return rowOfPath.get(path) ?? rowOfPath.get(starred(path));
}

/** `memories.dram.size` as the table has it. */
function starred(path: string): string {
  return path.replace(/^memories\.[^.]+/, 'memories.*');
}

/** Fields that may stand in the object at `path` (the empty string: at the top); undefined: names of one's choice. */
export function fieldsAt(path: string): readonly string[] | undefined {
  if (path === 'memories') return undefined;
  const prefix = path === '' ? '' : `${starred(path)}.`;
  const below = parameterRows.filter((row) => row.path.startsWith(prefix));
  return [...new Set(below.map((row) => row.path.slice(prefix.length).split('.')[0] ?? ''))];
}
