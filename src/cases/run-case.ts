/**
 * Runs one case on engines, one after another, each from the same start, and says what was not as expected. The first
 * engine that runs is what the others are compared with.
 */
import { contentOf, InputError, UnsupportedError, UserError } from '../base/index.js';
import type { Coverage } from '../explore/index.js';
import type { Observer } from '../interp/index.js';
import { type ObjectSpec, type ProgramSpec, sizeMaps } from '../object/index.js';
import { packetDifferences } from '../packet/index.js';
import { errno, errnoName, isArrayMap, isPercpuMap, verdictName } from '../platform/index.js';
import { nearestHint } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import {
  type BpfMap,
  cannotBeFull,
  cannotLose,
  dumpEntry,
  encodeEntry,
  encodeKey,
  findMap,
  formatOutput,
  isAbsent,
  type MapEntryJson,
  MapStore,
  type MapsFile,
  type OutputTypes,
  type PacketInput,
  withGlobals,
} from '../vm/index.js';
import { DecisionObserver } from './deciding-line.js';
import type { CaseEngine, CaseOutcome, MapItem } from './engine.js';
import { sameBytes } from './judge-map.js';
import { judgeCounts, judgePacket, judgeState, redirectText, type Subject } from './judge-outcome.js';
import { type CaseResult, type Failure, type Finding, finding } from './result.js';
import type { NodeReader } from './source-node.js';
import type { Case, Expectation, Setup } from './suite.js';

/** What cases run on, and where their files come from. */
export interface CaseWorld {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  /** In the order in which they run. */
  readonly engines: readonly CaseEngine[];
  /** False: nobody asks the verifier, and the interpreter alone runs. */
  readonly verify: boolean;
  readonly types: OutputTypes;
  readonly reader: NodeReader;
  /** Packets of a capture that a case names. */
  packetsOf(file: string): readonly { readonly data: Uint8Array; readonly time: bigint }[];
  /** A map file that a case names. */
  mapsOf(file: string): MapsFile;
  /**
   * Takes counts of each case once: from compiled code if it runs the case, since that costs next to nothing, else
   * from the interpreter.
   */
  readonly coverage?: Coverage | undefined;
}

/** A packet of a case as it runs. */
interface Arriving {
  readonly input: PacketInput;
  readonly expect: Expectation | undefined;
}

/** What one engine made of all packets of a case. */
interface EngineRun {
  readonly name: string;
  readonly engine: CaseEngine;
  readonly outcomes: readonly CaseOutcome[];
  readonly decided: readonly Failure['decided'][];
  readonly maps: ReadonlyMap<number, readonly MapItem[]>;
  readonly findings: readonly Finding[];
}

/** Why no engine ran the case. */
function whyNone({ setup }: Case, missing: CaseResult['missing']): string {
  if (missing.length > 0) return missing.map(({ engine, reason }) => `${engine}: ${reason}`).join('; ');
  return `not here: ${(setup.engines ?? []).join(', ')}`;
}

/** Never throws for what the program does. Throws InputError for what the case gets wrong. */
export function runCase(one: Case, world: CaseWorld): CaseResult {
  const result = { name: one.name, file: undefined, line: one.line } as const;
  const nothing = { packets: 0, engines: [], missing: [], instructions: undefined, failures: [] } as const;
  if (one.skip !== undefined) return { ...result, ...nothing, status: 'skipped', reason: one.skip };
  const { object, program, verdicts, reasons } = prepared(one.setup, world, one.line);
  if (world.verify && !verdicts.of(program).accepted) {
    const failure = finding('fault', refusal(verdicts, object, program), { line: one.line });
    const failures = [{ ...failure, engines: [], decided: undefined }];
    return { ...result, ...nothing, status: 'failed', reason: undefined, failures };
  }
  const packets = arrivals(one, world, program);
  const missing: { engine: string; reason: string }[] = [];
  const runs: EngineRun[] = [];
  const options = { verdicts, cpus: cpusOf(one, world, packets), seed: one.setup.seed };
  const reasonOf = (engine: CaseEngine): string | undefined => {
    // Whether it compiles follows from the object, whatever the packets are.
    const kept = `${engine.name} ${options.cpus ?? 1}`;
    if (!reasons.has(kept)) reasons.set(kept, engine.missing(object, program, options));
    return reasons.get(kept);
  };
  const engines = chosenEngines(one.setup, world);
  const isCompiled = engines.some((engine) => engine.name === 'wasm' && reasonOf(engine) === undefined);
  for (const engine of engines) {
    const coverage = engine.name === (isCompiled ? 'wasm' : 'interp') ? world.coverage : undefined;
    const own = { ...world, object, program, coverage };
    const run = reasonOf(engine) ?? attempt(() => runOn(engine, one, own, packets, options), engine);
    if (typeof run === 'string') missing.push({ engine: engine.name, reason: run });
    else runs.push(run);
  }
  const failures = merged(runs, compared(object, runs));
  const steps = runs.flatMap(({ outcomes }) => outcomes.flatMap(({ steps: n }) => (n === undefined ? [] : [n])));
  return {
    ...result,
    status: failures.length > 0 ? 'failed' : runs.length === 0 ? 'skipped' : 'passed',
    reason: runs.length === 0 ? whyNone(one, missing) : undefined,
    packets: packets.length,
    engines: runs.map(({ name }) => name),
    missing,
    instructions: steps.length === 0 ? undefined : Math.max(...steps),
    failures,
  };
}

/** As many CPUs as are asked for, or else as packets need. */
function cpusOf(
  { setup, packets, line }: Case,
  { reader }: CaseWorld,
  arriving: readonly Arriving[],
): number | undefined {
  const highest = Math.max(0, ...arriving.map(({ input }) => input.cpu ?? 0));
  if (setup.cpus === undefined) return highest === 0 ? undefined : highest + 1;
  if (highest >= setup.cpus)
    reader.fail(
      packets.find(({ cpu }) => cpu === highest)?.line ?? line,
      `there is no CPU ${highest}: \`cpus\` says that there are ${setup.cpus}, from 0 on`,
    );
  return setup.cpus;
}

/** What the running kernel refuses is a reason not to run there; what we refuse is an error. */
function attempt(body: () => EngineRun, engine: CaseEngine): EngineRun | string {
  try {
    return body();
  } catch (error) {
    if (engine.name === 'kernel' && error instanceof UserError && error.place.source === undefined)
      return error.message;
    throw error;
  }
}

function refusal(verdicts: Verdicts, object: ObjectSpec, program: ProgramSpec): string {
  try {
    verdicts.require(object, program);
    return 'Linux would not load the program';
  } catch (error) {
    return error instanceof UserError ? error.format() : String(error);
  }
}

/** An object as a case starts from it, with what was found out about it. */
interface Prepared {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly verdicts: Verdicts;
  /** Why engines cannot run it, as far as they were asked. */
  readonly reasons: Map<string, string | undefined>;
}

/** Objects of each world, by the sizes and variables that cases set: most cases of a file share one. */
const known = new WeakMap<ObjectSpec, Map<string, Prepared>>();

/** The object with sizes and variables of the case. */
function prepared(setup: Setup, world: CaseWorld, line: number): Prepared {
  const { object, program } = world;
  const own = known.get(object) ?? new Map<string, Prepared>();
  known.set(object, own);
  const key = contentOf([program.name, world.verify, setup.globals, setup.mapEntries]).join();
  const found = own.get(key);
  if (found !== undefined) return found;
  const changed = changedObject(setup, world, line);
  const verdicts = world.verify ? Verdicts.of(changed.object, {}) : Verdicts.none();
  const made = { ...changed, verdicts, reasons: new Map<string, string | undefined>() };
  own.set(key, made);
  return made;
}

function changedObject(
  setup: Setup,
  { object, program, reader }: CaseWorld,
  line: number,
): { object: ObjectSpec; program: ProgramSpec } {
  const lineOf = (field: string): number => setup.lines[field] ?? line;
  const sizes = new Map(Object.entries(setup.mapEntries));
  for (const name of sizes.keys()) reader.within(lineOf(`map-entries.${name}`), () => findMapSpec(object, name));
  const sized = sizes.size === 0 ? object : reader.within(line, () => sizeMaps(object, 0, sizes).object);
  const changed = Object.entries(setup.globals).reduce(
    (before, [name, value]) => reader.within(lineOf(`set.${name}`), () => withGlobals(before, { [name]: value })),
    sized,
  );
  return { object: changed, program: changed.programs[object.programs.indexOf(program)] ?? program };
}

function findMapSpec({ maps }: ObjectSpec, name: string): void {
  const names = maps.map((spec) => spec.name);
  if (!names.includes(name))
    throw new InputError(`there is no map \`${name}\``, {}, nearestHint(name, names, 'maps are'));
}

function chosenEngines({ engines }: Setup, world: CaseWorld): CaseEngine[] {
  return world.engines.filter(({ name }) => engines === undefined || engines.includes(name));
}

/** The packets of a case with their times, captures read. */
function arrivals(one: Case, world: CaseWorld, program: ProgramSpec): Arriving[] {
  const { setup } = one;
  const found: Arriving[] = [];
  let first: bigint | undefined;
  let last = 0n;
  const add = (data: Uint8Array, time: bigint | undefined, packet: Case['packets'][number]): void => {
    first ??= time ?? 0n;
    last = time ?? last;
    const input: PacketInput = {
      data,
      meta: packet.metadata,
      now: setup.clock === undefined ? last : setup.clock + last - first,
      cpu: packet.cpu ?? setup.cpu ?? 0,
      ingressIfindex: packet.ifindex ?? setup.ifindex ?? 1,
      egressIfindex: program.attach === 'xdp_devmap' ? 2 : 0,
      frags: program.frags,
    };
    found.push({ input, expect: packet.expect });
  };
  for (const packet of one.packets) {
    if (packet.data !== undefined) add(packet.data, packet.time, packet);
    const { capture } = packet;
    if (capture === undefined) continue;
    const all = world.reader.within(capture.line, () => world.packetsOf(capture.file));
    const fitting = capture.filter === undefined ? all : all.filter(({ data }) => capture.filter?.(data));
    const chosen = fitting.slice(capture.skip, capture.skip + capture.count);
    if (chosen.length === 0)
      world.reader.fail(
        capture.line,
        `no packet of ${capture.file} is meant`,
        `it has ${all.length}, of which the filter takes ${fitting.length}`,
      );
    for (const { data, time } of chosen) add(data, time, packet);
  }
  return found;
}

function runOn(
  engine: CaseEngine,
  one: Case,
  world: CaseWorld,
  packets: readonly Arriving[],
  options: Parameters<CaseEngine['open']>[2],
): EngineRun {
  const { object, program, types, reader, coverage } = world;
  const decision = engine.name === 'interp' ? new DecisionObserver() : undefined;
  const observer = decision === undefined ? undefined : both(decision, coverage);
  coverage?.of(program);
  const runner = engine.open(object, program, { ...options, observer, coverage });
  try {
    const holder = new MapStore(object, options.cpus);
    const subject: Subject = { object, runner, engine, holder, types, reader };
    fill(one, subject, world);
    const findings: Finding[] = [];
    const outcomes: CaseOutcome[] = [];
    const decided: Failure['decided'][] = [];
    for (const [i, { input, expect }] of packets.entries()) {
      decision?.start();
      const outcome = runner.run(input);
      outcomes.push(outcome);
      decided.push(decision?.line);
      const number = packets.length === 1 ? 0 : i + 1;
      const note = (found: readonly Finding[]): void =>
        void findings.push(...found.map((each) => ({ ...each, packet: number })));
      if (one.expect !== undefined) note(judgePacket(subject, one.expect, input.data, outcome));
      if (expect === undefined) continue;
      note(
        judgePacket(subject, expect, input.data, outcome).filter(
          ({ kind }) => kind !== 'fault' || one.expect === undefined,
        ),
      );
      note(judgeState(subject, expect, outcome.outputs));
    }
    if (one.expect !== undefined) {
      const outputs = outcomes.flatMap((outcome) => outcome.outputs);
      findings.push(
        ...judgeState(subject, one.expect, outputs),
        ...judgeCounts(
          subject.reader,
          one.expect,
          outcomes.map(({ verdict }) => verdict),
        ),
      );
    }
    const maps = new Map<number, readonly MapItem[]>();
    for (const [index, { init }] of object.maps.entries()) {
      const items = init?.kind === 'programs' || init?.kind === 'maps' ? undefined : runner.entries(index);
      if (items !== undefined) maps.set(index, items);
    }
    return { name: engine.name, engine, outcomes, decided, maps, findings };
  } finally {
    runner.close();
  }
}

function both(a: Observer, b: Observer | undefined): Observer {
  if (b === undefined) return a;
  return {
    before: (program, pc, depth) => {
      a.before(program, pc, depth);
      b.before(program, pc, depth);
    },
  };
}

/** What maps hold before the first packet. */
function fill({ setup, line }: Case, { runner, holder, engine, reader }: Subject, world: CaseWorld): void {
  const remove = (at: number, map: BpfMap, key: Uint8Array): void => {
    const reason = cannotLose(map.spec);
    if (reason !== undefined) reader.fail(at, `an element of \`${map.spec.name}\` cannot be absent: ${reason}`);
    map.deleteElem(key);
    const result = runner.remove(map.index, key);
    // The kernel's answer for an index that is too large is not the same for all types.
    if (result < 0 && result !== -errno.ENOENT)
      reader.fail(at, `map \`${map.spec.name}\` has no element of this key`, `it has ${map.spec.maxEntries}`);
  };
  const put = (at: number, name: string, json: MapEntryJson): void => {
    const map = reader.within(at, () => findMap(holder, name));
    if (reader.within(at, () => isAbsent(json))) {
      const key = reader.within(at, () => encodeKey(holder, map, json.key));
      remove(at, map, key);
      return;
    }
    const { key, value } = reader.within(at, () => encodeEntry(holder, map, json));
    // Dumps have the program's constants too, which are frozen.
    if (map.isConstant) return;
    map.updateElem(key, value);
    const result = runner.update(map.index, key, value);
    if (result >= 0) return;
    const what = `map \`${name}\` refuses an entry with ${errnoName(result)}`;
    // Interfaces, CPUs and sockets are the machine's own: what is not there is a reason not to ask the kernel.
    if (engine.name === 'kernel') throw new UnsupportedError(what);
    // A map of CPUs holds only such as there are.
    const isCpu = map.spec.type === 'cpumap' && result === -errno.ENODEV;
    // Of what has indexes it is never that it is full.
    const isBeyond =
      result === -errno.E2BIG && (isArrayMap(map.spec.type) || /^(?:devmap|cpumap|xskmap)$/.test(map.spec.type));
    const hint = isBeyond ? `its elements are 0 to ${map.spec.maxEntries - 1}` : undefined;
    reader.fail(at, what, isCpu ? 'say how many there are: `cpus`' : hint);
  };
  const file = setup.mapsIn;
  const fileLine = setup.lines['maps-in'] ?? line;
  const contents = file === undefined ? undefined : reader.within(fileLine, () => world.mapsOf(file));
  for (const [name, entries] of Object.entries(contents?.maps ?? {})) {
    reader.within(fileLine, () => findMap(holder, name));
    for (const entry of entries) put(fileLine, name, entry);
  }
  for (const { map: name, line: at } of setup.empty) {
    const map = reader.within(at, () => findMap(holder, name));
    const reason = cannotLose(map.spec);
    if (reason !== undefined) reader.fail(at, `map \`${name}\` cannot be empty: ${reason}`);
    for (const { key } of [...map.writtenEntries()]) remove(at, map, key.slice());
  }
  for (const { map, line: at, entries } of setup.maps) {
    reader.within(at, () => findMap(holder, map));
    for (const { line: own, json } of entries) put(own, map, json as unknown as MapEntryJson);
  }
  for (const { map: name, line: at } of setup.full) {
    const map = reader.within(at, () => findMap(holder, name));
    const reason = cannotBeFull(map);
    if (reason !== undefined) reader.fail(at, `map \`${name}\` cannot be made full: ${reason}`);
    if (runner.fill(map.index)) continue;
    if (engine.name === 'kernel') throw new UnsupportedError('maps of the kernel are not made full');
    reader.fail(at, `map \`${name}\` does not become full`, 'it has more room than there are keys');
  }
}

/** Where an engine parts from the first one: in what it made of a packet, or in what is in maps in the end. */
interface Difference extends Finding {
  readonly engine: string;
  readonly ofMaps: boolean;
}

/** Where engines part from the first one. */
function compared(object: ObjectSpec, runs: readonly EngineRun[]): Difference[] {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const say: Say = (what, left, right, packet, fields = []) =>
      finding('difference', `${what}: ${first.name} ${left}, ${other.name} ${right}`, {
        ...{ expected: left, actual: right, packet, fields },
      });
    const ofPacket = packetDifference(object, first, other, say);
    const what = ofPacket ?? mapDifference(object, first, other, say);
    return what === undefined ? [] : [{ ...what, engine: other.name, ofMaps: ofPacket === undefined }];
  });
}

/** Puts a difference into words. */
type Say = (what: string, left: string, right: string, packet: number, fields?: Finding['fields']) => Finding;

/** The first packet of which two engines made different things. */
function packetDifference(object: ObjectSpec, a: EngineRun, b: EngineRun, say: Say): Finding | undefined {
  for (const [i, left] of a.outcomes.entries()) {
    const right = b.outcomes[i];
    const packet = a.outcomes.length === 1 ? 0 : i + 1;
    if (right === undefined) continue;
    const stopped = left.trap !== undefined && right.trap !== undefined;
    if (stopped) continue;
    if (left.verdict !== right.verdict)
      return say('verdict', verdictName(left.verdict), verdictName(right.verdict), packet);
    if (!sameBytes(left.bytes, right.bytes))
      return say('packet', 'as expected below', 'as found', packet, packetDifferences(left.bytes, right.bytes));
    if (left.redirect !== 'unseen' && right.redirect !== 'unseen') {
      const [one, two] = [redirectText(left.redirect), redirectText(right.redirect)];
      if (one !== two) return say('redirect', one, two, packet);
    }
    for (const kind of a.engine.sees.filter((each) => b.engine.sees.includes(each))) {
      const texts = [left, right].map(({ outputs }) =>
        outputs
          .filter((output) => output.kind === kind)
          .map((output) => formatOutput(object, output, new Map()).text)
          .join(' | '),
      );
      if (texts[0] !== texts[1])
        return say(kind === 'printk' ? 'lines' : 'records', texts[0] || 'none', texts[1] || 'none', packet);
    }
  }
  return undefined;
}

function mapDifference(object: ObjectSpec, a: EngineRun, b: EngineRun, say: Say): Finding | undefined {
  const store = new MapStore(object);
  for (const [index, items] of a.maps) {
    const others = b.maps.get(index);
    const spec = object.maps[index];
    const map = store.maps[index];
    if (others === undefined || spec === undefined || map === undefined) continue;
    if (isPercpuMap(spec.type) && (a.name === 'kernel' || b.name === 'kernel')) continue;
    const isArray = isArrayMap(spec.type);
    const values = new Map(others.map(({ key, value }) => [hexOf(key), value]));
    if (spec.keySize === 0 || (!isArray && items.length !== others.length)) {
      const same =
        items.length === others.length && items.every(({ value }, i) => sameBytes(value, others[i]?.value ?? value));
      if (!same) return say(`map \`${spec.name}\``, `${items.length} elements`, `${others.length}`, 0);
      continue;
    }
    // What is left out of an array is zero.
    const own = new Set(isArray ? items.map(({ key }) => hexOf(key)) : []);
    const zeros = (like: Uint8Array): Uint8Array => new Uint8Array(like.length);
    const more = others.filter(({ key }) => isArray && !own.has(hexOf(key)));
    for (const { key, value } of [...items, ...more.map(({ key, value }) => ({ key, value: zeros(value) }))]) {
      const other = values.get(hexOf(key)) ?? (isArray ? zeros(value) : undefined);
      if (other !== undefined && sameBytes(value, other)) continue;
      const show = (bytes: Uint8Array | undefined): string =>
        bytes === undefined
          ? 'nothing'
          : JSON.stringify(
              isPercpuMap(spec.type)
                ? hexOf(bytes)
                : (dumpEntry(store, map, key, bytes, true).formatted?.value ?? hexOf(bytes)),
            );
      const [left, right] = [show(value), show(other)];
      // Padding between members is whatever was on the stack, which no two machines have alike.
      if (left !== right) return say(`map \`${spec.name}\`, key ${hexOf(key)}`, left, right, 0);
    }
  }
  return undefined;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The same finding of several engines is one failure. */
function merged(runs: readonly EngineRun[], differences: readonly Difference[]): Failure[] {
  const failures = new Map<string, Failure & { engines: string[] }>();
  const decidedAt = (packet: number): Failure['decided'] => {
    const run = runs.find(({ name }) => name === 'interp');
    return run?.decided[packet === 0 ? run.decided.length - 1 : packet - 1];
  };
  const note = (found: Finding & { readonly ofMaps?: boolean }, engine: string): void => {
    const key = `${found.kind} ${found.packet} ${found.line} ${found.what}`;
    const known = failures.get(key);
    if (known !== undefined) known.engines.push(engine);
    else {
      const { kind, what, expected, actual, fields, packet, line } = found;
      const isOfPacket = ['verdict', 'packet', 'field', 'redirect', 'instructions', 'fault', 'difference'].includes(
        kind,
      );
      const isOfAll =
        found.ofMaps === true || (kind === 'verdict' && packet === 0 && (runs[0]?.outcomes.length ?? 0) > 1);
      const decided = isOfPacket && !isOfAll ? decidedAt(packet) : undefined;
      failures.set(key, { kind, what, expected, actual, fields, packet, line, engines: [engine], decided });
    }
  };
  for (const { name, findings } of runs) for (const found of findings) note(found, name);
  for (const { engine, ...found } of differences) note(found, engine);
  return [...failures.values()];
}
