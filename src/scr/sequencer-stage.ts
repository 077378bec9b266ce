/**
 * The sequencer as a stage of a card: a ring of rows in front of each packet, as published (Xu et al., NSDI 2025). An
 * item takes as many whole rows as its bits need; each cycle one row's worth of the card's frame goes out, so the
 * stage's rate falls with what it puts in front.
 */
import { type CardDescription, numberOf } from '../nic/index.js';
import { addedBytes, dummyHeaderBytes, type ScrLayout } from './layout.js';
import { type CarriedRates, carriedRates } from './model/index.js';

/** What a layout takes of a card, and what that leaves; a model's figures. */
export interface SequencerFigures extends CarriedRates {
  readonly added: number;
  /** Rows of the ring that the items of the other cores take. */
  readonly rows: number;
  /** Rows that the card has; 0: it has no sequencer. */
  readonly rowsThere: number;
  /** Most cores for which the items fit into the ring. */
  readonly mostCores: number;
  /** Mpps that the stage lets through. */
  readonly stage: number;
  /** The least of stage, wire and bus: Mpps. */
  readonly line: number;
}

/** Figures for packets of `length` bytes (a mean), Ethernet header included. */
export function sequencerFigures(card: CardDescription, layout: ScrLayout, length: number): SequencerFigures {
  const bits = numberOf(card, 'sequencer.row_bits');
  const rowsThere = numberOf(card, 'sequencer.rows');
  const perItem = bits === 0 ? 0 : Math.ceil((8 * layout.metadataBytes) / bits);
  const rows = perItem * (layout.cores - 1);
  const added = addedBytes(layout);
  const carried = carriedRates(card, length, added);
  const width = numberOf(card, 'frame.width');
  // The header is put together while the packet comes in; what is longer than one cycle's bytes takes more cycles.
  const cycles = Math.max(1, Math.ceil(carried.bytes / width));
  const stage = rowsThere === 0 ? Number.POSITIVE_INFINITY : numberOf(card, 'sequencer.clock') / cycles;
  const mostCores = perItem === 0 ? rowsThere : Math.floor(rowsThere / perItem) + 1;
  return { ...carried, added, rows, rowsThere, mostCores, stage, line: Math.min(stage, carried.wire, carried.pcie) };
}

/** A layout of which nothing but sizes is known, as published programs have them. */
export function plainLayout(metadataBytes: number, cores: number): ScrLayout {
  return {
    dummyHeaderBytes,
    numberBytes: 0,
    metadataBytes,
    cores,
    fields: [],
    presence: { kind: 'header' },
    clock: undefined,
  };
}
