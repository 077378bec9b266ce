/** What daemons are given: object files, the first with two maps as the behaviours of test_offload.py have it. */
import { encodeBase64 } from '../../base/index.js';
import { parseImage, writeElf } from '../../object/index.js';
import { countingText, twoMapsText } from '../../offload/index.js';
import { encodeCapture } from '../../packet/index.js';

/** Its bytes in base 64. */
export function writeObject(): string {
  return encodeBase64(writeElf(parseImage(twoMapsText)));
}

/** A program that counts its packets. */
export const countingObject: string = encodeBase64(writeElf(parseImage(countingText)));

/** A capture of five frames, in base 64. */
export const frames: string = encodeBase64(
  encodeCapture(Array.from({ length: 5 }, (_, i) => ({ time: 0n, data: new Uint8Array(60 + i) }))),
);
