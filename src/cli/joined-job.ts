/** Starts a thread of `jitnic run --jobs N` (job-worker.ts) from the joined files, which lie beside it. */
import { openBundle } from './bundle.js';

openBundle(new URL('.', import.meta.url), 'job').load('job-worker.cjs');
