/** A test file's value as a {@link Suite}. docs/testing.md and schemas/test-file.schema.json have the same fields. */
import { parseFilter, parseHexBytes } from '../packet/index.js';
import { mostMetadata } from '../platform/index.js';
import { nearestHint } from '../text/index.js';
import { readExpectation, readMaps } from './read-expectation.js';
import { readData } from './read-values.js';
import { NodeReader, plainOf, type SourceField, type SourceNode } from './source-node.js';
import type { CaptureChoice, Case, CasePackets, Setup, Suite } from './suite.js';

/** Names that `engines` may have, in the order in which they run. */
export const engineNames: readonly string[] = ['interp', 'wasm', 'trace', 'kernel'];

/** Fields of what a case starts from. */
export const setupNames = [
  'set',
  'maps',
  'map-entries',
  'empty',
  'full',
  'clock',
  'cpu',
  'cpus',
  'ifindex',
  'seed',
  'engines',
] as const;
/** Words that a file or a case may begin a line with; any other is an error with the nearest one. */
const [variables, ...others] = setupNames;
const setupFields = [variables, 'maps-in', ...others] as const;
const suiteFields = [
  'object',
  'source',
  'program',
  'define',
  'include',
  'verify',
  'record-types',
  'tests',
  ...setupFields,
] as const;
const caseFields = ['name', 'packet', 'packets', 'expect', 'skip', ...setupFields] as const;
const packetFields = [
  'packet',
  'hex',
  'capture',
  'metadata',
  'filter',
  'skip',
  'count',
  'time',
  'cpu',
  'ifindex',
  'expect',
] as const;

/** Nothing is set. */
export const noSetup: Setup = {
  globals: {},
  mapsIn: undefined,
  maps: [],
  mapEntries: {},
  empty: [],
  full: [],
  clock: undefined,
  cpu: undefined,
  cpus: undefined,
  ifindex: undefined,
  seed: undefined,
  engines: undefined,
  lines: {},
};

/** Throws InputError with file, line and what was meant. `program`: the file need not name one. */
export function readSuite(node: SourceNode, file: string | undefined, isGiven = false): Suite {
  const reader: NodeReader = new NodeReader(file);
  const fields = reader.fields(node, 'a test file', suiteFields);
  const object = fields.get('object');
  const source = fields.get('source');
  if (object !== undefined && source !== undefined)
    reader.fail(source.line, '`object` and `source` exclude each other');
  if (object === undefined && source === undefined && !isGiven)
    reader.fail(node.line, 'it does not say which program is tested', 'object: prog.o, or source: prog.bpf.c');
  const program = object ?? source;
  const entry = fields.get('program');
  const tests = fields.get('tests');
  if (tests === undefined)
    reader.fail(node.line, 'there are no `tests`', 'tests: is a list of cases, each with a packet and what to expect');
  if (tests.kind !== 'list') reader.fail(tests.line, '`tests` is no list', 'each case begins with a dash');
  const setup = readSetup(reader, fields, noSetup);
  const cases = tests.items.map((test, i) => readCase(reader, test, setup, i));
  const named = new Map<string, number>();
  for (const { name, line } of cases) {
    const before = named.get(name);
    if (before !== undefined) reader.fail(line, `there are two tests \`${name}\``, `the other is in line ${before}`);
    named.set(name, line);
  }
  const words = (name: string): readonly string[] => {
    const list = fields.get(name);
    return list === undefined ? [] : reader.items(list).map((item) => reader.text(item, `\`${name}\``));
  };
  // What it would do to an object nobody could say.
  const ofC = fields.get('define') ?? fields.get('include');
  if (ofC !== undefined && object !== undefined && !/\.c$/.test(reader.text(object, '`object`')))
    reader.fail(ofC.line, '`define` and `include` are about C', 'source: prog.bpf.c');
  const types = fields.get('record-types');
  const verify = fields.get('verify');
  return {
    file,
    program: program === undefined ? undefined : reader.text(program, '`object`'),
    programLine: program?.line ?? node.line,
    entry: entry === undefined ? undefined : reader.text(entry, '`program`'),
    entryLine: entry?.line ?? node.line,
    define: words('define'),
    include: words('include'),
    verify: verify === undefined || reader.truth(verify, '`verify`'),
    recordTypes:
      types === undefined
        ? []
        : reader
            .entries(types, '`record-types`')
            .map(({ name, node: type }) => `${name}=${reader.text(type, 'a type')}`),
    recordTypesLine: types?.line ?? node.line,
    cases,
  };
}

/** One case. */
export function readCase(reader: NodeReader, node: SourceNode, before: Setup, index: number): Case {
  const fields = reader.fields(node, 'a test', caseFields);
  const name = fields.get('name');
  const packet = fields.get('packet');
  const packets = fields.get('packets');
  const expect = fields.get('expect');
  const skip = fields.get('skip');
  if (packet !== undefined && packets !== undefined)
    reader.fail(packets.line, '`packet` and `packets` exclude each other');
  const given = packet ?? packets;
  if (given === undefined) reader.fail(node.line, 'a test without a packet', 'packet: eth/ip/udp(dport=53)');
  if (given.kind === 'list' && given.items.length === 0) reader.fail(given.line, '`packets` names none');
  const said = skip === undefined ? undefined : reader.text(skip, '`skip`');
  return {
    name: name === undefined ? `test ${index + 1}` : reader.text(name, '`name`'),
    line: name?.line ?? node.line,
    setup: readSetup(reader, fields, before),
    packets: reader.items(given).map((one) => readPackets(reader, one)),
    expect: expect === undefined ? undefined : readExpectation(reader, expect),
    skip: said === 'true' ? 'it says so' : said === 'false' ? undefined : said,
  };
}

/** A setup on top of the one before: what is not said stays. */
function readSetup(reader: NodeReader, fields: ReadonlyMap<string, SourceNode>, before: Setup): Setup {
  const whole = (name: string, least: number): number | undefined => {
    const node = fields.get(name);
    return node === undefined ? undefined : reader.whole(node, `\`${name}\``, least);
  };
  const lines: Record<string, number> = { ...before.lines };
  const named = <T>(name: string, read: (field: SourceField) => T): Readonly<Record<string, T>> => {
    const node = fields.get(name);
    const own = node === undefined ? [] : reader.entries(node, `\`${name}\``);
    for (const field of own) lines[`${name}.${field.name}`] = field.line;
    return Object.fromEntries(own.map((field) => [field.name, read(field)]));
  };
  const mapsOf = (name: 'empty' | 'full'): { readonly map: string; readonly line: number }[] => {
    const node = fields.get(name);
    const items = node === undefined ? [] : reader.items(node);
    return items.map((one) => ({ map: reader.text(one, `\`${name}\``), line: one.line }));
  };
  const globals = named('set', ({ node }) => plainOf(node));
  const mapEntries = named('map-entries', ({ name, node }) => reader.whole(node, `the size of \`${name}\``, 1));
  const [mapsIn, maps, clock, engines] = ['maps-in', 'maps', 'clock', 'engines'].map((name) => fields.get(name));
  const seed = whole('seed', 0);
  if (mapsIn !== undefined) lines['maps-in'] = mapsIn.line;
  if (engines?.kind === 'list' && engines.items.length === 0)
    reader.fail(engines.line, '`engines` names none', `engines are ${engineNames.join(', ')}`);
  return {
    globals: { ...before.globals, ...globals },
    mapsIn: mapsIn === undefined ? before.mapsIn : reader.text(mapsIn, '`maps-in`'),
    maps: [...before.maps, ...(maps === undefined ? [] : readMaps(reader, maps))],
    mapEntries: { ...before.mapEntries, ...mapEntries },
    empty: [...before.empty, ...mapsOf('empty')],
    full: [...before.full, ...mapsOf('full')],
    clock: clock === undefined ? before.clock : reader.time(clock, '`clock`'),
    cpu: whole('cpu', 0) ?? before.cpu,
    cpus: whole('cpus', 1) ?? before.cpus,
    ifindex: whole('ifindex', 0) ?? before.ifindex,
    seed: seed === undefined ? before.seed : BigInt(seed),
    engines: engines === undefined ? before.engines : reader.items(engines).map((node) => engineOf(reader, node)),
    lines,
  };
}

function engineOf(reader: NodeReader, node: SourceNode): string {
  const name = reader.text(node, 'an engine');
  if (engineNames.includes(name)) return name;
  return reader.fail(node.line, `there is no engine \`${name}\``, nearestHint(name, engineNames, 'engines are'));
}

/** A packet as text (layers), bytes, or with more to say. */
function readPackets(reader: NodeReader, node: SourceNode): CasePackets {
  if (node.kind === 'scalar') {
    return {
      line: node.line,
      data: readData(reader, node),
      metadata: undefined,
      capture: undefined,
      time: undefined,
      cpu: undefined,
      ifindex: undefined,
      expect: undefined,
    };
  }
  const fields = reader.fields(node, 'a packet', packetFields);
  const [packet, hex, capture] = ['packet', 'hex', 'capture'].map((name) => fields.get(name));
  const given = [packet, hex, capture].filter((one) => one !== undefined);
  if (given.length !== 1) reader.fail(node.line, 'a packet is one of `packet`, `hex` and `capture`');
  for (const name of ['filter', 'skip', 'count'] as const) {
    const own = fields.get(name);
    if (own !== undefined && capture === undefined) reader.fail(own.line, `\`${name}\` is about a capture`);
  }
  const [time, cpu, ifindex, expect] = ['time', 'cpu', 'ifindex', 'expect'].map((name) => fields.get(name));
  const data =
    packet !== undefined
      ? readData(reader, packet)
      : hex !== undefined
        ? reader.within(hex.line, () => parseHexBytes(reader.text(hex, '`hex`')))
        : undefined;
  const metadata = fields.get('metadata');
  return {
    line: node.line,
    data,
    metadata: metadata === undefined ? undefined : readMetadata(reader, metadata),
    capture: capture === undefined ? undefined : readCapture(reader, capture, fields),
    time: time === undefined ? undefined : reader.time(time, '`time`'),
    cpu: cpu === undefined ? undefined : reader.whole(cpu, '`cpu`', 0),
    ifindex: ifindex === undefined ? undefined : reader.whole(ifindex, '`ifindex`', 0),
    expect: expect === undefined ? undefined : readExpectation(reader, expect),
  };
}

/** Whole words, as Linux takes them (xdp_metalen_invalid of include/net/xdp.h). */
function readMetadata(reader: NodeReader, node: SourceNode): Uint8Array {
  const isBytes = node.kind === 'scalar' && node.value instanceof Uint8Array;
  const bytes = isBytes
    ? (node.value as Uint8Array)
    : reader.within(node.line, () => parseHexBytes(reader.text(node, '`metadata`')));
  if (bytes.length % 4 !== 0 || bytes.length > mostMetadata)
    reader.fail(node.line, `metadata of ${bytes.length} bytes`, `it is a multiple of 4, and ${mostMetadata} at most`);
  return bytes;
}

function readCapture(reader: NodeReader, node: SourceNode, fields: ReadonlyMap<string, SourceNode>): CaptureChoice {
  const [filter, skip, count] = ['filter', 'skip', 'count'].map((name) => fields.get(name));
  return {
    file: reader.text(node, '`capture`'),
    line: node.line,
    filter:
      filter === undefined ? undefined : reader.within(filter.line, () => parseFilter(reader.text(filter, '`filter`'))),
    skip: skip === undefined ? 0 : reader.whole(skip, '`skip`', 0),
    count: count === undefined ? Number.POSITIVE_INFINITY : reader.whole(count, '`count`', 1),
  };
}
