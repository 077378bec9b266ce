// Loss recovery between replicas: the protocol as data, all its ways in small worlds, and a simulation at length.
export { type BrokenRecovery, brokenRecoveries } from './broken.js';
export {
  logEntries,
  publishedRecoverable,
  type RecoveryProtocol,
  type RecoveryRow,
  recoveryProtocol,
  recoveryStates,
} from './protocol.js';
export { type RecoverySimulated, type RecoverySimulation, simulateRecovery } from './simulate.js';
export { exploreRecovery, type RecoveryExplored, type RecoveryWorld } from './world.js';
