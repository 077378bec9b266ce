/** No protocol: each side has values of its own. */
import type { Access, Protocol } from '../protocol.js';

/** For values of CPUs. */
export class Local implements Protocol {
  readonly name = 'local';
  readonly residence = 'sum';

  holdsAtFirst(): boolean {
    return true;
  }

  access(): Access {
    return 'ready';
  }

  receive(): void {}
}
