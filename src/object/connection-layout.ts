/** Connections as jitnic's machines have them, held against a kernel's. */
import { asksForConnections, nfConn } from '../platform/index.js';
import { isComposite } from './btf-type.js';
import type { ObjectSpec } from './spec.js';

/**
 * In words, where the kernel's `struct nf_conn` is another one than jitnic's machines have; undefined: it is the same,
 * or what the kernel has is not known.
 */
export function connectionLayoutNote({ kernelBtf, programs }: ObjectSpec): string | undefined {
  if (!programs.some(({ kfuncs }) => kfuncs.some(({ name }) => asksForConnections(name)))) return undefined;
  const theirs = kernelBtf?.find(nfConn.name, 'struct');
  if (kernelBtf === undefined || theirs === undefined || !isComposite(theirs)) return undefined;
  const note = (what: string): string => `struct nf_conn is another one in that kernel: ${what}`;
  for (const { name, offset, size, count } of nfConn.members) {
    const member = theirs.members.find((each) => each.name === name);
    if (member === undefined) return note(`it has no \`${name}\``);
    const bytes = kernelBtf.sizeOf(member.type);
    if (member.bitOffset !== 8 * offset) return note(`\`${name}\` is at ${member.bitOffset / 8} instead of ${offset}`);
    if (bytes !== size * count) return note(`\`${name}\` has ${bytes} bytes instead of ${size * count}`);
  }
  return theirs.size === nfConn.size ? undefined : note(`it has ${theirs.size} bytes instead of ${nfConn.size}`);
}
