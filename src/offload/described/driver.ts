/**
 * The driver of cards that are none of Netronome's: hXDP's core, and our pipeline (`nic/cards`). What they can is read
 * off their description; nothing is known here by name. A core takes a program as rows. A pipeline takes traces of it,
 * so what is bound to it is the program as a whole, without code of its own: what its traces do not decide, the host
 * does, over the link.
 */
import { formatInsn } from '../../isa/index.js';
import {
  type CardDescription,
  compileProgram,
  formatRows,
  insnRefusal,
  memoriesOf,
  numberOf,
  shippedCard,
} from '../../nic/index.js';
import { mapFlags } from '../../platform/index.js';
import type { DeviceRefusal } from '../../verifier/index.js';
import type { DeviceLoad, DeviceMapOps, Driver, Prepared, Translation } from '../driver.js';
import { type Element, Elements, keptTypes } from '../elements.js';
import type { DeviceRecord, MapRecord, Model, NetdevRecord, ProgRecord } from '../model.js';
import { OffloadRefusal } from '../refusal.js';
import { type CardMessageCode, cardMessage, cardMessages } from './messages.js';

/** What data sections have, and how a hash gets its memory, which is all there from the start on a card. */
const knownFlags = mapFlags.noPrealloc | mapFlags.rdonlyProg | mapFlags.wronlyProg | mapFlags.mmapable;
/** Bytes in front of what an MTU counts. */
const ethernet = 14;

/** The card's description. A record names one that was there when it was written. */
function cardOf({ card }: DeviceRecord): CardDescription {
  const found = shippedCard(card);
  if (found !== undefined) return found;
  throw new OffloadRefusal('device', 'ENODEV', { hint: `this jitnic has no card \`${card}\`` });
}

function refusal(code: CardMessageCode, values: Readonly<Record<string, string | number>> = {}): DeviceRefusal {
  const { errno, hint } = cardMessages[code];
  return { message: cardMessage(code, values), errno, hint };
}

function refuse(what: string, code: CardMessageCode, values: Readonly<Record<string, string | number>> = {}): never {
  const { message, errno, hint } = refusal(code, values);
  throw new OffloadRefusal(what, errno, { extack: message, hint });
}

/** Memories that may hold maps. */
function mapMemories(card: CardDescription): readonly string[] {
  return memoriesOf(card).filter((name) =>
    card.parameters.get(`memories.${name}.holds`)?.value.toString().includes('maps'),
  );
}

/** Bytes that maps of a card may take, and what they take now. */
export function mapMemory(model: Model, device: DeviceRecord): { readonly most: number; readonly used: number } {
  const card = cardOf(device);
  const most = mapMemories(card).reduce((sum, name) => sum + numberOf(card, `memories.${name}.size`), 0);
  return { most, used: model.mapsOn(device.name).reduce((sum, map) => sum + bytesOf(map), 0) };
}

/** Bytes of a map: keys that are indices are not stored. */
function bytesOf({ type, keySize, valueSize, maxEntries }: MapRecord): number {
  return maxEntries * (valueSize + (type.endsWith('array') ? 0 : keySize));
}

/** Rows of a program for a core; a pipeline has none. */
function translate(load: DeviceLoad, depth: { stack: number; offset: number }): Translation {
  const { program, mapIds, device } = load;
  const card = cardOf(device);
  const bounds = { maxPacketOffset: depth.offset, stackSize: depth.stack };
  if (card.kind !== 'vliw') return { image: [], slots: [], listing: [], ...bounds };
  const made = compileProgram(program.insns, { lanes: numberOf(card, 'units.lanes') });
  if (made.kind === 'refused') return refuse('load program', 'instruction', { what: made.what });
  const most = numberOf(card, 'limits.instructions');
  if (made.rows.length > most) refuse('load program', 'rows', { rows: made.rows.length, most });
  const listing = formatRows(made, program.insns, (index) => `map[id:${mapIds[index] ?? 0}]`);
  // hXDP publishes no encoding of its rows, so there is no image.
  return { image: [], slots: [], listing: listing.trimEnd().split('\n'), ...bounds };
}

/** The one driver of this kind. */
export const described: Driver = {
  mapTypes: keptTypes,

  prepare(load: DeviceLoad): Prepared {
    const card = cardOf(load.device);
    const depth = { stack: 0, offset: -1 };
    const nothing = (): undefined => undefined;
    return {
      hooks: {
        insn: ({ insn, insns, pc }) => {
          const what = card.kind === 'vliw' ? insnRefusal(insn) : undefined;
          if (what === undefined) return undefined;
          return refusal('instruction', { what: `insn ${pc}, ${formatInsn(insns, pc, 'kernel')}: ${what}` });
        },
        finalize: ({ functions, maxPacketOffset }) => {
          depth.stack = functions.reduce((sum, { stackDepth }) => Math.max(sum, stackDepth), 0);
          depth.offset = maxPacketOffset;
          const most = numberOf(card, 'limits.packet');
          return depth.offset > most ? refusal('packet-size', { bytes: depth.offset, most }) : undefined;
        },
        // Code is made of the program as it stands: rows that no path comes to are never fetched.
        replaceInsn: nothing,
        removeInsns: nothing,
      },
      translate: () => translate(load, depth),
    };
  },

  mapAlloc(model: Model, netdev: NetdevRecord, map: MapRecord): readonly Element[] {
    const { most, used } = mapMemory(model, model.get('device', netdev.device, 'map create'));
    const unknown = map.flags & ~knownFlags;
    if (unknown !== 0) refuse('map create', 'map-flags', { flags: unknown.toString(16) });
    if (bytesOf(map) > most - used) refuse('map create', 'map-memory', { bytes: bytesOf(map), left: most - used });
    return [];
  },

  mapOps: (model: Model, _device: DeviceRecord, map: MapRecord): DeviceMapOps => new Elements(model.records, map),

  setupDriver: () => undefined,

  setupCard(model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, matches: boolean): void {
    if (prog === undefined) return;
    if (!matches)
      throw new OffloadRefusal('attach', 'EINVAL', {
        hint: `load it for this card: jitnic prog load FILE PIN dev ${netdev.name}`,
      });
    described.checkMtu(model, { ...netdev, xdp: { ...netdev.xdp, hw: prog.id } }, netdev.mtu);
  },

  setupClassifier(): void {
    throw new OffloadRefusal('attach', 'EOPNOTSUPP', { hint: 'these cards run XDP programs' });
  },

  checkMtu(model: Model, netdev: NetdevRecord, mtu: number): void {
    const most = numberOf(cardOf(model.get('device', netdev.device, 'set mtu')), 'limits.packet');
    if (netdev.xdp.hw !== 0 && mtu + ethernet > most) refuse('set mtu', 'mtu', { mtu, most });
  },
};
