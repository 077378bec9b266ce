export { checkMapSpec } from './check.js';
export type { MapFacts } from './context.js';
export { createMap } from './create.js';
export { PerfEventArrayMap } from './perf-event-array.js';
export { ProgArrayMap } from './prog-array.js';
export { RingbufMap } from './ringbuf.js';
