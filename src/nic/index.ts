// What a card is (port.ts), and the kinds there are. The software card is the first.
export {
  type ArenaOffer,
  type ArenaOwner,
  type CardPort,
  type InstalledTrace,
  type Offer,
  type Parent,
  SideExit,
} from './port.js';
export {
  type CardOptions,
  CompiledCard,
  cachedLookups,
  isDoneByCard,
  reserveKeys,
  TraceTree,
} from './software/index.js';
