import { expect, it } from 'vitest';
import { nfConn } from '../platform/index.js';
import { Btf } from './btf.js';
import { BtfBuilder } from './btf-builder.js';
import { connectionLayoutNote } from './connection-layout.js';
import { assemble } from './index.js';

/** A kernel whose connections have their members where `place` puts them; undefined: not at all. */
function kernelWith(place: (name: string, offset: number) => number | undefined, more = 0): Btf {
  const builder = new BtfBuilder(undefined);
  const members = nfConn.members.flatMap(({ name, offset, size, count }) => {
    const at = place(name, offset);
    return at === undefined ? [] : [{ name, type: builder.array(builder.char(), size * count), offset: at }];
  });
  builder.struct(nfConn.size + more, members, nfConn.name);
  return new Btf(builder.bytes());
}

const noteFor = (kfunc: string, kernelBtf: Btf | undefined): string | undefined => {
  const object = assemble(`.extern ${kfunc}\n.section xdp\n.globl main\nmain:\n\tcall ${kfunc}\n\tr0 = 2\n\texit\n`);
  return connectionLayoutNote({ ...object, kernelBtf });
};

it.each([
  ['one as ours', kernelWith((_, offset) => offset), undefined],
  ['a member elsewhere', kernelWith((name, at) => (name === 'mark' ? at + 4 : at)), '`mark` is at 172 instead of 168'],
  ['no mark', kernelWith((name, at) => (name === 'mark' ? undefined : at)), 'it has no `mark`'],
  ['more at its end', kernelWith((_, offset) => offset, 8), 'it has 256 bytes instead of 248'],
  ['nothing known', undefined, undefined],
])("a kernel's struct nf_conn: %s", (_, kernel, what) => {
  const note = what === undefined ? undefined : `struct nf_conn is another one in that kernel: ${what}`;
  expect(noteFor('bpf_xdp_ct_lookup', kernel)).toBe(note);
  expect(noteFor('bpf_dynptr_from_xdp', kernel)).toBeUndefined();
});
