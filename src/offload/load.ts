/**
 * Loading a program: its maps are made, it is verified, for a card with the driver's say, and translated (bpf(2),
 * kernel/bpf/offload.c, and libbpf's part of it).
 *
 * Verification for a card is the common one with the driver's hooks in it, not a second pass: the driver has to see
 * the registers of each path as they are at each instruction. It happens in a transaction, so a refusal leaves no map
 * behind. One thing is kept in spite of it: what was found out about maps that were there before.
 *
 * All maps of an object are made, as libbpf does, but only those that the program names are checked against the card
 * and stay: the others are held by nobody when the command ends.
 */
import { encodeInsns, type Insn, loadsMap } from '../isa/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../object/index.js';
import { mapTypeNames } from '../platform/index.js';
import { type VerifyResult, verify, verifyForDevice } from '../verifier/index.js';
import { isBoundTo } from './attach.js';
import type { Driver, Prepared, Translation } from './driver.js';
import { driverOf } from './drivers.js';
import { type Element, Elements } from './elements.js';
import { toHex } from './hex.js';
import type { DeviceRecord, MapRecord, Model, ProgRecord } from './model.js';
import { type MapUse, newMapUse } from './nfp/map-use.js';
import { OffloadRefusal } from './refusal.js';
import { tagOf } from './tag.js';

/** What is to be loaded. */
export interface LoadRequest {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  /** Network device of the card that it is for; undefined: for the host. */
  readonly dev?: string | undefined;
  readonly type?: 'xdp' | 'sched_cls';
  /** Maps that are there already, by the index that the object has for them. */
  readonly reuse?: ReadonlyMap<number, number>;
  /** Seconds since 1970. */
  readonly now: number;
}

/** What was loaded. */
export interface Loaded {
  readonly prog: ProgRecord;
  readonly log: string;
}

/** Maps that a card and the host may share: what is put there goes to the host anyway (bpf_map_offload_neutral). */
const neutral: readonly string[] = ['perf_event_array'];

/** Elements that a map may have: what is kept is kept in memory. */
const mostEntries = 4 << 20;

/**
 * Loads a program. What its verification finds out about words of maps that were there stays in `found`,
 * by the map's number, also where this throws. The tag is of instructions without numbers of maps, so that it is the
 * same wherever it is loaded.
 */
export function loadProgram(model: Model, request: LoadRequest, found: Map<number, MapUse>): Loaded {
  const { object, program, dev, type = 'xdp' } = request;
  const netdev = dev === undefined ? undefined : model.get('netdev', dev, `unrecognized netdevice '${dev}'`);
  const device = netdev === undefined ? undefined : model.get('device', netdev.device, 'load program');
  const mapIds = object.maps.map((spec, index) => request.reuse?.get(index) ?? createMap(model, spec, dev).id);
  const maps = mapIds.map((id) => model.get('map', id, 'reuse map'));
  checkMaps(object.maps, maps);
  const used = usedMaps(program.insns);
  for (const index of used) checkMatch(model, maps[index], device);
  const uses = maps.map(({ use }): MapUse => use.map((word) => ({ ...word })));
  const made = device === undefined ? onHost(request) : onDevice(request, device, uses, mapIds, found, used);
  for (const index of used) {
    const map = maps[index];
    const use = uses[index];
    if (map !== undefined && use !== undefined && map.forDevice) model.put('map', map.id, { ...map, use });
  }
  const prog: ProgRecord = {
    id: model.nextId('prog'),
    // The kernel keeps fifteen characters.
    name: program.name.slice(0, 15),
    type,
    tag: tagOf(encodeInsns(withMaps(program.insns, () => 0))),
    gpl: /GPL/.test(object.license),
    loadedAt: request.now,
    insns: toHex(encodeInsns(withMaps(program.insns, (index) => mapIds[index] ?? 0))),
    mapIds: used.map((index) => mapIds[index] ?? 0),
    forDevice: device !== undefined,
    netdev: dev ?? '',
    ...made.code,
    lines: program.lines.map(({ insn, file, line, column, text }) => ({ slot: insn, file, line, column, text })),
  };
  model.put('prog', prog.id, prog);
  return { prog, log: made.log };
}

/** What became of a program: for the host there is no code of a card. */
interface Made {
  readonly code: Translation;
  readonly log: string;
}

const noCode: Translation = { image: [], slots: [], listing: [], maxPacketOffset: -1, stackSize: 0 };

/** For the host the verifier has the last word: no driver is asked. */
function onHost({ object, program }: LoadRequest): Made {
  const { btf, kernelBtf, license } = object;
  const result = verify(program, object.maps, { btf, kernelBtf, license });
  if (!result.accepted) refuse(result);
  return { code: noCode, log: result.log };
}

/** With the say of the driver. A refusal of the translation keeps the log: its warnings may be the reason. */
function onDevice(
  { object, program, type = 'xdp' }: LoadRequest,
  device: DeviceRecord,
  uses: readonly MapUse[],
  mapIds: readonly number[],
  found: Map<number, MapUse>,
  used: readonly number[],
): Made {
  const { btf, kernelBtf, license } = object;
  const prepared: Prepared = driverOf(device).prepare({
    device,
    object,
    program,
    isClassifier: type === 'sched_cls',
    uses,
    mapIds,
  });
  const options = { btf, kernelBtf, license, facts: true };
  const result = verifyForDevice(program, object.maps, prepared.hooks, options);
  for (const index of used) found.set(mapIds[index] ?? 0, uses[index] ?? []);
  if (!result.accepted) refuse(result);
  try {
    return { code: prepared.translate(result.facts), log: result.log };
  } catch (error) {
    if (!(error instanceof OffloadRefusal)) throw error;
    const { errno, extack, hint } = error;
    throw new OffloadRefusal('load program', errno, { extack, hint, log: result.log });
  }
}

/** The first failure counts: the others are of paths that Linux would not have walked any more. */
function refuse({ failures: [failure], log, message }: VerifyResult): never {
  throw new OffloadRefusal('load program', failure?.errno ?? 'EINVAL', {
    extack: message,
    hint: failure?.explanation.hint,
    log,
  });
}

/** Indexes of the maps that a program names, in the order of their first use. */
function usedMaps(insns: readonly Insn[]): number[] {
  return [...new Set(insns.filter(loadsMap).map(({ imm }) => imm))];
}

/** The instructions with other numbers for maps. */
export function withMaps(insns: readonly Insn[], number: (index: number) => number): Insn[] {
  return insns.map((insn) => (loadsMap(insn) ? { ...insn, imm: number(insn.imm) } : insn));
}

/** Maps that are used again have to be what the object wants. */
function checkMaps(specs: readonly MapSpec[], maps: readonly MapRecord[]): void {
  for (const [i, spec] of specs.entries()) {
    const map = maps[i];
    if (map === undefined) continue;
    if (map.type !== spec.type || map.keySize !== spec.keySize || map.valueSize !== spec.valueSize)
      throw new OffloadRefusal('reuse map', 'EINVAL', { hint: `map ${map.id} is none like \`${spec.name}\`` });
  }
}

/** A program for a card uses maps of that card, any other program none of a card (check_map_prog_compatibility). */
function checkMatch(model: Model, map: MapRecord | undefined, device: DeviceRecord | undefined): void {
  if (map === undefined || (device === undefined && !map.forDevice)) return;
  const matches = map.forDevice
    ? device !== undefined && isBoundTo(model, map, device.name)
    : neutral.includes(map.type);
  if (matches) return;
  const text = 'offload device mismatch between prog and map';
  throw new OffloadRefusal('load program', 'EINVAL', {
    extack: text,
    log: `${text}\n`,
    hint: `map ${map.id} lives ${map.forDevice ? `on the card of ${map.netdev === '' ? 'a device that is gone' : map.netdev}` : 'on the host'}`,
  });
}

function driverFor(model: Model, dev: string): Driver {
  return driverOf(model.get('device', model.get('netdev', dev, 'map create').device, 'map create'));
}

/** What the driver of `dev` puts into a map that it makes; it may refuse. */
function firstElements(model: Model, dev: string, map: MapRecord): readonly Element[] {
  return driverFor(model, dev).mapAlloc(model, model.get('netdev', dev, 'map create'), map);
}

/**
 * Makes a map, on the card of `dev` if that is given and the map is none that both sides share. EINVAL for what no map
 * is (bpf_map_offload_map_alloc), ENOMEM for too large a one; the driver may refuse for reasons of its own.
 */
export function createMap(
  model: Model,
  spec: Pick<MapSpec, 'name' | 'type' | 'keySize' | 'valueSize' | 'maxEntries' | 'flags' | 'init'>,
  dev: string | undefined,
): MapRecord {
  const isOnCard = dev !== undefined && !neutral.includes(spec.type);
  const fail = (hint: string): never => {
    throw new OffloadRefusal('map create', 'EINVAL', { hint });
  };
  if (!mapTypeNames.includes(spec.type)) fail(`\`${spec.type}\` is no type of maps`);
  const types = dev === undefined ? undefined : driverFor(model, dev).mapTypes;
  if (isOnCard && types?.has(spec.type) === false)
    fail(`a ${spec.type} lives on the host only: this card has ${[...types].join(', ')}`);
  if (spec.type === 'array' && spec.keySize !== 4) fail('the key of an array is 4 bytes');
  if (spec.maxEntries > mostEntries)
    throw new OffloadRefusal('map create', 'ENOMEM', { hint: `at most ${mostEntries} elements are kept here` });
  if (isOnCard && (spec.maxEntries === 0 || spec.keySize === 0 || spec.valueSize === 0)) fail('sizes are at least 1');
  const map: MapRecord = {
    id: model.nextId('map'),
    name: spec.name.slice(0, 15),
    type: spec.type,
    keySize: spec.keySize,
    valueSize: spec.valueSize,
    maxEntries: spec.maxEntries,
    flags: spec.flags,
    forDevice: isOnCard,
    netdev: isOnCard ? dev : '',
    use: isOnCard ? newMapUse(spec.valueSize) : [],
  };
  const first = isOnCard ? firstElements(model, dev, map) : [];
  // As a hash: a simulated card keeps elements of an array as it keeps those of a hash, each as a record. It begins
  // with its two keys also where the array has only one (nsim_bpf_map_alloc).
  const maxEntries = Math.max(map.maxEntries, first.length);
  const elements = new Elements(model.records, { ...map, type: 'hash', maxEntries });
  for (const { key, value } of first) elements.update(key, value, 0);
  model.put('map', map.id, map);
  if (spec.init?.kind === 'data') {
    const value = new Uint8Array(spec.valueSize);
    value.set(spec.init.bytes.subarray(0, value.length));
    elements.update(new Uint8Array(4), value, 0);
  }
  return map;
}
