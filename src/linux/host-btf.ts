import { readFileSync } from 'node:fs';
import { Btf } from '../object/index.js';

let cached: Btf | undefined | null = null;

/**
 * The running kernel's BTF, which CO-RE relocations are resolved against by default; undefined where there is none.
 */
export function hostBtf(): Btf | undefined {
  if (cached === null) {
    try {
      cached = new Btf(readFileSync('/sys/kernel/btf/vmlinux'));
    } catch {
      cached = undefined;
    }
  }
  return cached;
}
