// SPDX-License-Identifier: MIT
/**
 * A capture that is being written: a clock and the frames sent so far.
 *
 * The clock starts at a fixed time, so that the files are the same on every day, and moves on by a few microseconds a
 * frame or by `wait`.
 */
const START_SECONDS = 1_700_000_000;
const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH = 65535;

export class Capture {
  #micros = 0;
  #records = [];
  #random;

  constructor(random) {
    this.#random = random;
  }

  get length() {
    return this.#records.length;
  }

  /** Lets `seconds` pass. */
  wait(seconds) {
    this.#micros += Math.round(seconds * 1e6);
  }

  /** Sends frames one after another, 5 to 60 microseconds apart. */
  send(...frames) {
    for (const frame of frames) {
      this.#micros += this.#random.between(5, 60);
      this.#records.push({ micros: this.#micros, frame });
    }
  }

  /** The file: pcap, little endian, microseconds. */
  toBytes() {
    const head = Buffer.alloc(24);
    head.writeUInt32LE(0xa1b2c3d4, 0);
    head.writeUInt16LE(2, 4);
    head.writeUInt16LE(4, 6);
    head.writeUInt32LE(SNAP_LENGTH, 16);
    head.writeUInt32LE(LINKTYPE_ETHERNET, 20);
    const parts = [head];
    for (const { micros, frame } of this.#records) {
      const record = Buffer.alloc(16);
      record.writeUInt32LE(START_SECONDS + Math.floor(micros / 1e6), 0);
      record.writeUInt32LE(micros % 1e6, 4);
      record.writeUInt32LE(frame.length, 8);
      record.writeUInt32LE(frame.length, 12);
      parts.push(record, frame);
    }
    return Buffer.concat(parts);
  }
}

/** Runs several conversations at once: each is a list of frames, sent in order, with the others' frames in between. */
export function interleave(random, capture, conversations) {
  const left = conversations.filter((c) => c.length > 0).map((c) => [...c]);
  while (left.length > 0) {
    const i = random.below(left.length);
    capture.send(left[i].shift());
    if (left[i].length === 0) left.splice(i, 1);
  }
}
