export { type Engine, type Outcome, Registers, type Trap, type TrapSite } from './engine.js';
export { Journal } from './journal.js';
export type { LoadedProgram, Machine, MachineOptions, Output, PacketInput, RedirectTarget } from './machine.js';
export { BpfMap, type MapEntry } from './map.js';
export { firstAddress, GuestMemory } from './memory.js';
export { formatFault, type MemoryFault, Region, type RegionKind } from './region.js';
