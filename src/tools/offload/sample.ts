/** What daemons are given: object files, the first with two maps as the behaviours of test_offload.py have it. */
import { encodeBase64 } from '../../base/index.js';
import { parseImage, writeElf } from '../../object/index.js';
import { twoMapsText } from '../../offload/index.js';
import { encodeCapture } from '../../packet/index.js';

/** Its bytes in base 64. */
export function writeObject(): string {
  return encodeBase64(writeElf(parseImage(twoMapsText)));
}

/** A program that counts its packets in the one element of map `total`, and passes them. */
export const countingObject: string = encodeBase64(
  writeElf(
    parseImage(`.license "GPL"
.section xdp
.globl count
count:
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = total ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
out:
  r0 = 2
  exit
.map total type=array key=4 value=8 max_entries=1
`),
  ),
);

/** A capture of five frames, in base 64. */
export const frames: string = encodeBase64(
  encodeCapture(Array.from({ length: 5 }, (_, i) => ({ time: 0n, data: new Uint8Array(60 + i) }))),
);
