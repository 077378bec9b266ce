export { helperAccepts } from './access.js';
export { checkMapSpec } from './check.js';
export type { MapContext, MapFacts } from './context.js';
export { adjustSpec, createMap } from './create.js';
export { PerfEventArrayMap } from './perf-event-array.js';
export { ProgArrayMap } from './prog-array.js';
export { RingbufMap } from './ringbuf.js';
