/**
 * A chain of tail-called programs in two stages: some of its programs on the card, the rest in the driver. Where a
 * program on the card would tail-call one that is not there, it leaves in the packet's metadata where to go on, and
 * passes the packet; the driver's dispatcher takes that away again and goes on there. A tail call hands nothing over
 * but the context, so nothing else has to cross. There is no way back: what may follow behind is in the driver, even
 * where the card has it, too.
 *
 * What lies at `data_meta`, in front of metadata that the programs themselves keep, in the host's byte order:
 *
 *     0   u32  {@link stageMagic}
 *     4   u32  which program array, by its index in the object
 *     8   u32  slot
 *
 * A packet that has none of it was decided by the card, and passes.
 *
 * A chain of more than 33 tail calls ends on one side where Linux ends it, but would not with a new count on the
 * other: chains that may come back to a program of theirs are not cut.
 */
import { InputError } from '../base/index.js';
import { constantOf, followOrigins, isTailCall, pruneMaps, rewriteProgram } from '../code/index.js';
import { assembleInsns, type Insn, isLddw, loadsMap, op } from '../isa/index.js';
import { type MapSpec, mapSpec, type ObjectSpec, type ProgramSpec, programSpec } from '../object/index.js';
import { helperNumber } from '../platform/index.js';

/** First word of what the card leaves: `jnst`, read as little endian. */
const stageMagic = 0x74736e6a;

/** Bytes that the card puts in front of the packet's own metadata. */
export const stageMetadata = 12;

/** Of the driver's program that goes on where the card left off. */
export const dispatcherName = 'stage_dispatcher';
/** Which slots of the program arrays the driver has: a byte each, array behind array. */
const kindsSection = '.rodata.stages';
/** BPF_F_RDONLY_PROG, as libbpf gives it to constants. */
const readOnly = 0x80;

/** Which programs stand in a program array: by its index in the object, the slots by number. */
export type ProgramSlots = ReadonlyMap<number, ReadonlyMap<number, string>>;

/** What is to be cut. */
export interface StageCut {
  /** The program that packets meet first; it is on the card. */
  readonly entry: string;
  /** All programs on the card. */
  readonly card: ReadonlySet<string>;
  /** Default: what the object says, which is nothing where a loader fills its arrays. */
  readonly slots?: ProgramSlots | undefined;
}

/** Where a chain goes from a program. */
export interface TailCallSite {
  readonly program: string;
  /** Slot of the instruction. */
  readonly insn: number;
  /** The program array's index in the object. */
  readonly array: number;
  /** Slot of the array, where it is the same at each call. */
  readonly slot: number | undefined;
}

/** A chain in two stages. */
export interface Stages {
  /** The card's programs, the dispatcher and the driver's programs over the same maps; the card's entry is first. */
  readonly object: ObjectSpec;
  /** Names of the programs in the object's file, the entry first; here they are called `card_NAME`. */
  readonly card: readonly string[];
  /** All that a packet may come to in the driver: a chain that has left the card does not come back to it. */
  readonly driver: readonly string[];
  /** Tail calls at which packets may leave the card. */
  readonly crossings: readonly TailCallSite[];
}

/** Slots that an object fills itself. */
export function slotsOf({ maps }: ObjectSpec): ProgramSlots {
  const filled = maps.map(({ init }) => (init?.kind === 'programs' ? init.slots : undefined));
  return new Map(filled.flatMap((slots, index) => (slots === undefined ? [] : [[index, slots] as const])));
}

/** The tail calls of a program. Throws InputError for one that nobody can say the array of. */
export function tailCalls(object: ObjectSpec, program: ProgramSpec): readonly TailCallSite[] {
  const at = [...program.insns.keys()].filter((pc) => isTailCall(program.insns[pc] as Insn));
  if (at.length === 0) return [];
  const origins = followOrigins(program.insns);
  return at.map((insn) => {
    const slot = constantOf(origins.argumentAt(insn, 3));
    return { program: program.name, insn, array: arrayAt(object, program, insn), slot: slot && slot >>> 0 };
  });
}

/** The array in r2 before the call: by the last load of r2, or because there is only one. */
function arrayAt({ name, maps }: ObjectSpec, { name: program, insns }: ProgramSpec, call: number): number {
  for (let pc = call - 1; pc >= 0; pc--) {
    const each = insns[pc] as Insn;
    if (isLddw(each) && each.dst === 2) {
      if (loadsMap(each) && maps[each.imm]?.type === 'prog_array') return each.imm;
      break;
    }
    const cls = each.code & 7;
    const isJump = cls === op.JMP || cls === op.JMP32;
    if (isJump || (each.dst === 2 && cls !== op.ST && cls !== op.STX)) break;
  }
  const arrays = [...maps.keys()].filter((index) => maps[index]?.type === 'prog_array');
  if (arrays.length === 1) return arrays[0] as number;
  throw new InputError(
    `\`${program}\` tail-calls through a program array that is chosen on the way`,
    { file: name, insn: call },
    'load the array into r2 right before the call',
  );
}

/** Cuts a chain. Throws InputError for what is no chain of this object, or cannot be cut, with the reason. */
export function cutStages(object: ObjectSpec, { entry, card, slots = slotsOf(object) }: StageCut): Stages {
  const byName = new Map(object.programs.map((program) => [program.name, program]));
  const program = (name: string): ProgramSpec => {
    const found = byName.get(name);
    if (found === undefined)
      throw new InputError(
        `no program \`${name}\``,
        { file: object.name },
        `it has ${[...byName.keys()].map((each) => `\`${each}\``).join(', ')}`,
      );
    return found;
  };
  for (const name of card) program(name);
  if (!card.has(entry))
    throw new InputError(`\`${program(entry).name}\` comes first and is not on the card`, { file: object.name });
  const chain = new Chain(object, slots, program);
  const crossings = chain
    .from([entry], card)
    .filter((name) => card.has(name))
    .flatMap((name) => chain.sites(name).filter((site) => chain.targets(site).some((target) => !card.has(target))));
  const behind = chain.from(crossings.flatMap((site) => chain.targets(site).filter((target) => !card.has(target))));
  if (crossings.length > 0) chain.checkEnds(entry);
  for (const site of crossings) checkCanLeave(object, program(site.program), site);

  const arrays = [...slots.keys()].sort((a, b) => a - b);
  const cardArrays = new Map(arrays.map((index, i) => [index, object.maps.length + i]));
  const kinds = new Kinds(object, slots, card, object.maps.length + arrays.length);
  const onCard = object.programs.filter(({ name }) => card.has(name)).sort((a, b) => first(a, entry) - first(b, entry));
  const cardPrograms = onCard.map((each) => cardProgram(each, object, chain, { card, cardArrays, kinds }));
  const inDriver = object.programs.filter(({ name }) => behind.includes(name));
  const maps: MapSpec[] = [
    ...object.maps.map((spec, index) => withSlots(spec, slots.get(index), (name) => behind.includes(name))),
    ...arrays.map((index) => {
      const spec = object.maps[index] as MapSpec;
      const own = withSlots({ ...spec, name: onCardName(spec.name), pinning: false }, slots.get(index), (name) =>
        card.has(name),
      );
      return mapNames(own);
    }),
    kinds.spec(),
  ];
  return {
    object: {
      ...object,
      programs: [...cardPrograms, dispatcher(arrays, program(entry)), ...inDriver],
      maps,
    },
    card: onCard.map(({ name }) => name),
    driver: inDriver.map(({ name }) => name),
    crossings,
  };
}

/** What is loaded on one side: its programs, the one that runs first in front, and the maps that they use. */
export function stagePart({ object, card }: Stages, side: 'card' | 'driver'): ObjectSpec {
  const { programs } = object;
  return pruneMaps({
    ...object,
    programs: side === 'card' ? programs.slice(0, card.length) : programs.slice(card.length),
  });
}

function first({ name }: ProgramSpec, entry: string): number {
  return name === entry ? 0 : 1;
}

/** The array with those of its slots whose program is meant. */
function withSlots(
  spec: MapSpec,
  slots: ReadonlyMap<number, string> | undefined,
  isMeant: (name: string) => boolean,
): MapSpec {
  if (slots === undefined) return spec;
  return { ...spec, init: { kind: 'programs', slots: new Map([...slots].filter(([, name]) => isMeant(name))) } };
}

/** Of a program's or an array's version on the card: the driver may have the same one. */
function onCardName(name: string): string {
  return `card_${name}`;
}

/** Slots of a card's array hold the card's versions. */
function mapNames(spec: MapSpec): MapSpec {
  if (spec.init?.kind !== 'programs') return spec;
  const slots = new Map([...spec.init.slots].map(([slot, name]) => [slot, onCardName(name)] as const));
  return { ...spec, init: { kind: 'programs', slots } };
}

/** Which program may follow which. */
class Chain {
  private readonly object: ObjectSpec;
  private readonly slots: ProgramSlots;
  private readonly program: (name: string) => ProgramSpec;
  private readonly known = new Map<string, readonly TailCallSite[]>();

  constructor(object: ObjectSpec, slots: ProgramSlots, program: (name: string) => ProgramSpec) {
    this.object = object;
    this.slots = slots;
    this.program = program;
  }

  sites(name: string): readonly TailCallSite[] {
    let sites = this.known.get(name);
    if (sites === undefined) {
      sites = tailCalls(this.object, this.program(name));
      this.known.set(name, sites);
    }
    return sites;
  }

  /** Programs that a tail call may go to; none where its slot is empty. */
  targets({ array, slot }: TailCallSite): readonly string[] {
    const slots = this.slots.get(array);
    if (slots === undefined) return [];
    if (slot === undefined) return [...new Set(slots.values())];
    const target = slots.get(slot);
    return target === undefined ? [] : [target];
  }

  /** The programs that a packet may come to from these; at most one step outside of `within`, where that is given. */
  from(entries: readonly string[], within?: ReadonlySet<string>): readonly string[] {
    const found = new Set(entries);
    for (const name of found)
      if (within?.has(name) !== false)
        for (const site of this.sites(name)) for (const target of this.targets(site)) found.add(target);
    return [...found];
  }

  /** Throws where a packet may come to a program twice. */
  checkEnds(entry: string): void {
    const done = new Set<string>();
    const under: string[] = [];
    const visit = (name: string): void => {
      if (under.includes(name))
        throw new InputError(
          `the chain ${[...under.slice(under.indexOf(name)), name].map((each) => `\`${each}\``).join(' -> ')} comes back: Linux ends it after 33 tail calls, and a cut chain would count anew`,
          { file: this.object.name },
          'keep all of it on one side',
        );
      if (done.has(name)) return;
      under.push(name);
      for (const site of this.sites(name)) for (const target of this.targets(site)) visit(target);
      under.pop();
      done.add(name);
    };
    visit(entry);
  }
}

/** A tail call in a function returns to its caller, which is on the card: the driver cannot go on there. */
function checkCanLeave(object: ObjectSpec, { name, functions }: ProgramSpec, { insn }: TailCallSite): void {
  const [main] = functions;
  if (main === undefined || insn < main.end) return;
  const of = functions.find(({ start, end }) => start <= insn && insn < end);
  throw new InputError(
    `\`${name}\` tail-calls from its function \`${of?.name ?? ''}\`, which its caller goes on behind: it cannot leave the card there`,
    { file: object.name, insn },
    'take what it calls on the card, too',
  );
}

/** On which side each slot is. */
class Kinds {
  /** By array: where its slots begin. */
  private readonly starts = new Map<number, number>();
  private readonly bytes: Uint8Array;
  /** The map's index in the object. */
  readonly index: number;

  constructor(object: ObjectSpec, slots: ProgramSlots, card: ReadonlySet<string>, index: number) {
    this.index = index;
    let size = 0;
    for (const [array, of] of slots) {
      this.starts.set(array, size);
      size += (object.maps[array]?.maxEntries ?? 0) || of.size;
    }
    this.bytes = new Uint8Array(Math.max(size, 1));
    for (const [array, of] of slots)
      for (const [slot, name] of of) if (!card.has(name)) this.bytes[(this.starts.get(array) as number) + slot] = 1;
  }

  startOf(array: number): number {
    return this.starts.get(array) as number;
  }

  /** As libbpf makes it of a section of constants. */
  spec(): MapSpec {
    const { bytes } = this;
    const shape = { name: kindsSection, type: 'array', keySize: 4, valueSize: bytes.length, maxEntries: 1 } as const;
    return { ...mapSpec(shape), flags: readOnly, section: kindsSection, init: { kind: 'data', bytes } };
  }
}

interface CardSide {
  readonly card: ReadonlySet<string>;
  /** By program array: the index of the card's own. */
  readonly cardArrays: ReadonlyMap<number, number>;
  readonly kinds: Kinds;
}

/** A program as it is on the card: its tail calls go to the card's arrays, or leave. */
function cardProgram(program: ProgramSpec, object: ObjectSpec, chain: Chain, side: CardSide): ProgramSpec {
  const { card, cardArrays, kinds } = side;
  const edits = new Map<number, readonly Insn[]>();
  for (const site of chain.sites(program.name)) {
    const targets = chain.targets(site);
    if (targets.every((target) => card.has(target))) continue;
    const call = program.insns[site.insn] as Insn;
    const leaving = site.slot === undefined ? leaveIfInDriver(object, site, kinds) : leaveAlways(site.array, site.slot);
    edits.set(site.insn, [...leaving, call]);
  }
  const insns = program.insns.map((each) => {
    const own = loadsMap(each) ? cardArrays.get(each.imm) : undefined;
    return own === undefined ? each : { ...each, imm: own };
  });
  const rewritten = rewriteProgram({ ...program, insns }, edits);
  if (rewritten === undefined)
    throw new InputError(`\`${program.name}\` is too long for its jumps`, { file: object.name });
  const [main, ...others] = rewritten.functions;
  const name = onCardName(program.name);
  return { ...rewritten, name, functions: main === undefined ? [] : [{ ...main, name }, ...others] };
}

/** Before a tail call with r1 the context, r3 the slot: leaves where the driver has that slot. */
function leaveIfInDriver({ maps }: ObjectSpec, { array }: TailCallSite, kinds: Kinds): Insn[] {
  const slots = maps[array]?.maxEntries ?? 0;
  const going = leave(array, undefined);
  const test = assembleInsns(`
    w4 = w3
    if r4 > ${slots - 1} goto +${going.length + 5}
    r0 = 0 ll
    r0 += r4
    r0 = *(u8 *)(r0 + 0)
    if r0 == 0 goto +${going.length}
  `);
  const table = test.findIndex(isLddw);
  test[table] = { ...(test[table] as Insn), src: op.PSEUDO_MAP_VALUE, imm: kinds.index };
  test[table + 1] = { ...(test[table + 1] as Insn), imm: kinds.startOf(array) };
  return [...test, ...going];
}

/**
 * Where the slot is the driver's at each call. What stands behind the call cannot be reached any more, which Linux
 * refuses where it sees it in the jumps alone; so there is one, which is never taken.
 */
function leaveAlways(array: number, slot: number): Insn[] {
  const going = leave(array, slot);
  return [...assembleInsns(`r0 = 0\nif r0 != 0 goto +${going.length}`), ...going];
}

/** Writes where to go on, and passes the packet. Aborts where the packet has no room for it. */
function leave(array: number, slot: number | undefined): Insn[] {
  return assembleInsns(
    `
    r6 = r1
    ${slot === undefined ? 'r7 = r4' : `w7 = ${slot | 0}`}
    r2 = ${-stageMetadata}
    call bpf_xdp_adjust_meta
    if r0 != 0 goto abort
    r2 = *(u32 *)(r6 + 8)
    r3 = *(u32 *)(r6 + 0)
    r4 = r2
    r4 += ${stageMetadata}
    if r4 > r3 goto abort
    r5 = ${stageMagic}
    *(u32 *)(r2 + 0) = r5
    r5 = ${array}
    *(u32 *)(r2 + 4) = r5
    *(u32 *)(r2 + 8) = r7
    r0 = 2
    exit
  abort:
    r0 = 0
    exit
  `,
    { helper: helperNumber },
  );
}

/** What the driver runs: goes on where the card left off; else the card has decided, and the packet passes. */
function dispatcher(arrays: readonly number[], { section, frags }: ProgramSpec): ProgramSpec {
  const text = `
    r6 = r1
    r2 = *(u32 *)(r1 + 8)
    r3 = *(u32 *)(r1 + 0)
    r4 = r2
    r4 += ${stageMetadata}
    if r4 > r3 goto decided
    r5 = *(u32 *)(r2 + 0)
    if r5 != ${stageMagic} goto decided
    r7 = *(u32 *)(r2 + 4)
    r8 = *(u32 *)(r2 + 8)
    r2 = ${stageMetadata}
    call bpf_xdp_adjust_meta
    if r0 != 0 goto abort
    ${arrays
      .map(
        (index) => `
    if r7 != ${index} goto not_${index}
    r1 = r6
    r2 = array_${index} ll
    r3 = r8
    call bpf_tail_call
  not_${index}:`,
      )
      .join('')}
  abort:
    r0 = 0
    exit
  decided:
    r0 = 2
    exit
  `;
  const insns = assembleInsns(text, { helper: helperNumber, map: (name) => Number(name.replace('array_', '')) });
  return programSpec(insns, { name: dispatcherName, section, frags });
}
