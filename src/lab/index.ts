export type * from './protocol.js';
export { type Carrier, LabServer } from './serve.js';
