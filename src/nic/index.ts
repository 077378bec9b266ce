// What a card is. The software card is the first kind.
export {
  type CardOptions,
  CompiledCard,
  cachedLookups,
  type InstalledTrace,
  isDoneByCard,
  type Matcher,
  type Parent,
  parentAt,
  SideExit,
  TraceTree,
} from './software/index.js';
