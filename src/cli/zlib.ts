/** Node's zlib, loaded where it is needed: most captures are not compressed, and it takes some milliseconds. */
import { createRequire } from 'node:module';

/** What `node:zlib` exports. Joined files of the command line have no `import()` (bundle.ts). */
export const zlib = (): typeof import('node:zlib') => createRequire(import.meta.url)('node:zlib');
