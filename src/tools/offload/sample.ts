/**
 * An object file that daemons are given to load: a program that looks into two maps. One of a hash and one of an
 * array, since offloaded maps come in these two kinds; of two entries, so that a few updates fill them and the next is
 * refused.
 */
import { parseImage, writeElf } from '../../object/index.js';

const text = `.section xdp
.globl func
func:
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = htab ll
  call bpf_map_lookup_elem
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = array ll
  call bpf_map_lookup_elem
  r0 = 2
  exit
.map htab type=hash key=4 value=8 max_entries=2
.map array type=array key=4 value=8 max_entries=2
`;

/** Its bytes in base 64. */
export function writeObject(): string {
  return Buffer.from(writeElf(parseImage(text))).toString('base64');
}
