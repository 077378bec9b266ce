/** An object file that daemons are given to load: the program with two maps of the behaviours of test_offload.py. */
import { parseImage, writeElf } from '../../object/index.js';
import { twoMapsText } from '../../offload/index.js';

/** Its bytes in base 64. */
export function writeObject(): string {
  return Buffer.from(writeElf(parseImage(twoMapsText))).toString('base64');
}
