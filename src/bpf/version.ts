/** Which instructions there are, as clang's `-mcpu` has it. */
import type { IsaVersion } from '../isa/index.js';

/** v1: the classic set. v2: `<` and `<=`. v3: jumps on low halves, atomics. v4: sign extension, signed quotients. */
export type BpfVersion = Exclude<IsaVersion, 'linux'>;

const order: readonly BpfVersion[] = ['v1', 'v2', 'v3', 'v4'];

/** Does `version` have what came with `since`? */
export function has(version: BpfVersion, since: BpfVersion): boolean {
  return order.indexOf(version) >= order.indexOf(since);
}
