export { cannotLose } from './absent-elements.js';
export { accessFault, checkAccess, contextPages, misalignedAtomic } from './access-check.js';
export { decodeTyped, encodeTyped, isTyped, type TypedValue } from './btf-value.js';
export { ConntrackTable } from './conntrack.js';
export { contentsText } from './contents-text.js';
export { type Engine, newOutcome, type Outcome, Registers, type Trap, type TrapSite } from './engine.js';
export { FibTable } from './fib.js';
export { cannotBeFull, fillMap, leaveNoRoom } from './full-map.js';
export {
  findGlobal,
  foldedGlobals,
  formatGlobal,
  type GlobalPlace,
  type GlobalVariable,
  globalsOf,
  parseGlobalValue,
  readGlobal,
  withGlobals,
  writeGlobal,
} from './globals.js';
export type { GuestAddress, GuestPointer } from './guest-address.js';
export {
  type Callbacks,
  findHelper,
  type Helper,
  helperRefusal,
} from './helpers/index.js';
export { probe } from './helpers/probe.js';
export { Journal } from './journal.js';
export { JsonFields } from './json-fields.js';
export type { Output, PacketInput } from './lane.js';
export { type LoadedProgram, slotAt } from './load-programs.js';
export { parseLooseJson } from './loose-json.js';
export { type LaneOptions, Machine, type MachineOptions } from './machine.js';
export { machineShape } from './machine-shape.js';
export { BpfMap, type MapEntry } from './map.js';
export { cellAddress, cellSize, hasCell, keyOfCell } from './map-cells.js';
export { type Formatted, formatBytes } from './map-format.js';
export {
  type DumpedEntry,
  type DumpedMaps,
  type DumpOptions,
  dumpEntry,
  dumpMaps,
  encodeEntry,
  encodeKey,
  findMap,
  isAbsent,
  loadMaps,
  type MapEntryJson,
  type MapHolder,
  type MapsFile,
  mapsText,
  parseMapsFile,
} from './map-json.js';
export type { HashChange, HashLayout, MapLayout } from './map-layout.js';
export { MapLog, type MapOp, type MapSide } from './map-log.js';
export { type ChangeTime, type MapChange, parseMapsScript } from './map-script.js';
export { MapStore } from './map-store.js';
export { writeTyped } from './map-typed.js';
export * as ringLayout from './maps/ring-layout.js';
export { GuestMemory } from './memory.js';
export { MemoryComparison, type MemoryDifference } from './memory-comparison.js';
export { type MapTouches, MemoryCounter } from './memory-counter.js';
export { writtenElements } from './non-zero.js';
export { formatOutput, type OutputTypes, type OutputWords, parseOutputTypes } from './output-words.js';
export { type ArenaOptions, PacketArena } from './packet-arena.js';
export { packetState } from './packet-buffer.js';
export { type ColumnOptions, columnsOf, type PacketColumns } from './packet-columns.js';
export { type PacketMoves, packetMoves, programsBehind } from './packet-moves.js';
export { record } from './packet-record.js';
export { privateState } from './private-state.js';
export { currentRedirect, type RedirectNote, type RedirectTarget, readRedirect, sameRedirect } from './redirect.js';
export { type MemoryFault, Region, type RegionKind } from './region.js';
export { RxMetadata } from './rx-metadata.js';
export { SocketTable } from './sockets.js';
export type { Savepoint } from './transaction.js';
export { describeTrap, formatTrap, lineAt, ProgramTrap, placeOf } from './trap.js';
