/**
 * Version numbers in headers of captures: what tcpdump (libpcap) reads is read, to the same lengths, and nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import { decodeCapture } from './capture-reader.js';

const captured = 60;
const original = 80;

function numbers(...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const field = Buffer.alloc(size);
      field.writeUIntLE(value, 0, size);
      return field;
    }),
  );
}

function pcap(major: number, minor: number, lengths: readonly [number, number]): Buffer {
  const head = numbers([4, 0xa1b2c3d4], [2, major], [2, minor], [4, 0], [4, 0], [4, 262_144], [4, 1]);
  return Buffer.concat([head, numbers([4, 1], [4, 2], [4, lengths[0]], [4, lengths[1]]), Buffer.alloc(captured)]);
}

function pcapng(major: number, minor: number): Buffer {
  const all = 0xffffffff;
  const section = numbers(
    [4, 0x0a0d0d0a],
    [4, 28],
    [4, 0x1a2b3c4d],
    [2, major],
    [2, minor],
    [4, all],
    [4, all],
    [4, 28],
  );
  const description = numbers([4, 1], [4, 20], [2, 1], [2, 0], [4, 0], [4, 20]);
  const packet = numbers([4, 6], [4, 92], [4, 0], [4, 0], [4, 5], [4, captured], [4, original]);
  return Buffer.concat([section, description, packet, Buffer.alloc(captured), numbers([4, 92])]);
}

/** Captured and original length of the one packet, or what is wrong. */
function read(bytes: Buffer): readonly number[] | string {
  try {
    const { packets, damage } = decodeCapture(bytes);
    return damage?.what ?? packets.flatMap(({ data, origLength }) => [data.length, origLength]);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message;
  }
}

const right = [captured, original] as const;
const swapped = [original, captured] as const;
const cases = [
  ...[0, 1, 2, 3, 4, 5, 9, 99, 65535].flatMap((minor) =>
    [2, 543].flatMap((major) =>
      [right, swapped].map((lengths) => ({
        name: `pcap ${major}.${minor} ${lengths}`,
        bytes: pcap(major, minor, lengths),
      })),
    ),
  ),
  ...[0, 1, 3, 512].map((major) => ({ name: `pcap ${major}.4`, bytes: pcap(major, 4, right) })),
  ...[0, 1, 2, 256].flatMap((major) =>
    [0, 1, 2, 3].map((minor) => ({ name: `pcapng ${major}.${minor}`, bytes: pcapng(major, minor) })),
  ),
];

const folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a version in the header', () => {
  it.each([
    [2, 0, swapped],
    [2, 2, swapped],
    [2, 3, right],
    [2, 3, swapped],
    [2, 4, right],
    [543, 0, swapped],
  ])('pcap %d.%d with lengths %j', (major, minor, lengths) => {
    expect(read(pcap(major, minor, lengths))).toEqual(right);
  });

  it.each([pcap(2, 5, right), pcap(1, 4, right), pcap(543, 1, swapped), pcapng(1, 1), pcapng(2, 0)])(
    'that nobody writes is refused',
    (bytes) => {
      expect(read(bytes)).toMatch(/^pcap(ng)? version \d+\.\d+$/);
    },
  );

  it.skipIf(spawnSync('tcpdump', ['--version']).status !== 0).each(cases)('$name as by tcpdump', ({ bytes }) => {
    const file = join(folder, 'x.pcap');
    writeFileSync(file, bytes);
    const { status } = spawnSync('tcpdump', ['-nn', '-r', file]);
    const ours = read(bytes);
    expect(typeof ours === 'string' ? 1 : 0, String(ours)).toBe(status);
  });
});
