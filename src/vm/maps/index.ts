export { createMap } from './create.js';
export { PerfEventArrayMap } from './perf-event-array.js';
export { ProgArrayMap } from './prog-array.js';
export { RingbufMap } from './ringbuf.js';
