// The daemon: state that lives longer than a command.
export { Client } from './client.js';
export { type Daemon, startDaemon } from './daemon.js';
export { handle } from './handle.js';
export { entryOf, logHeader, readLog, type SyncPolicy, syncPolicies } from './log.js';
