/** The library as someone meets it: bytes in, packets through, maps by their types. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError, UsageError } from '../base/index.js';
import { decodeCapture, generateTraffic } from '../packet/index.js';
import { RejectedError } from '../verifier/index.js';
import { parseMapsFile } from '../vm/index.js';
import { openSession, type Session } from './index.js';

const example = (name: string): Uint8Array =>
  readFileSync(new URL(`../../examples/${name}/${name}.o`, import.meta.url));

const errorOf = (body: () => unknown): InputError => {
  try {
    body();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

const counting = `
  .license "GPL"
  .map counts type=array key=4 value=8 max_entries=2
  .map perf type=perf_event_array key=4 value=4 max_entries=1
  .section xdp
  .globl count
  count:
  r6 = r1
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r1 = counts ll
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
  out:
  r0 = 2
  exit
`;

describe('a session', () => {
  it('is opened from bytes alone, and run({ data }) says all that became of the packet', () => {
    const session = openSession(example('ipv6-filter'));
    const data = Uint8Array.from({ length: 60 }, (_, i) => (i === 12 ? 0x86 : i === 13 ? 0xdd : i));
    const result = session.run({ data });
    expect(result).toEqual({
      verdict: 2,
      verdictName: 'PASS',
      bytes: data,
      redirect: undefined,
      outputs: [],
      hit: undefined,
    });
    const again = session.run({ data: new Uint8Array(60) });
    expect(again.verdictName).toBe('DROP');
    // A result is a value.
    expect(result.bytes).toEqual(data);
    expect(session.run({ data }).hit?.condition.text).toBe('len >= 14 && eth.type == 0x86dd');
  });

  it('compiles what is verified, once that pays', () => {
    const session = openSession(example('firewall'), { card: false });
    for (const { data, time } of generateTraffic({ seed: 3, packets: 1000 })) session.run({ data, time });
    expect(session.verdicts.DROP + session.verdicts.PASS).toBe(1000);
    expect(session.runtime.host.compiles).toBe(true);
    expect(session.runtime.host.fallback).toBeUndefined();
  });

  it('is refused for a program that Linux would not load, with the reason; verify: false runs it on the interpreter', () => {
    const bad = '.license "GPL"\n.section xdp\n.globl bad\nbad:\nr0 = *(u32 *)(r1 + 400)\nexit\n';
    expect(() => openSession(bad, { name: 'bad.s' })).toThrow(RejectedError);
    expect(() => openSession(bad, { name: 'bad.s' })).toThrow('invalid bpf_context access off=400 size=4');
    const session = openSession(bad, { verify: false });
    expect(session.run({ data: new Uint8Array(60) }).verdictName).toBe('ABORTED');
  });

  it('says which programs there are where it is not clear which one is meant', () => {
    expect(() => openSession(example('port-knocking'), { program: 'nope' })).toThrow(UsageError);
    expect(() => openSession(example('port-knocking'), { program: 'nope' })).toThrow('no program or section `nope`');
  });
});

describe('a map of a session', () => {
  const fill = (session: Session): void => {
    const capture = readFileSync(new URL('../../examples/token-bucket/traffic.pcap', import.meta.url));
    for (const packet of decodeCapture(capture).packets) session.run(packet);
  };

  it('is read by the types of its keys and values', () => {
    const file = new URL('../../examples/token-bucket/token-bucket.maps.json', import.meta.url);
    const contents = parseMapsFile(readFileSync(file, 'utf8'));
    const session = openSession(example('token-bucket'), { check: true, maps: { contents } });
    fill(session);
    const sources = session.map('sources');
    const entries = [...sources];
    expect(entries.length).toBeGreaterThan(3);
    expect(sources.size).toBe(entries.length);
    const [key, value] = entries[0] ?? [];
    if (key === undefined || value === undefined) throw new Error('no entry');
    expect(sources.get(key)).toEqual(value);
    // What is read can be written, and is then the same.
    sources.set(key, value);
    expect(sources.get(key)).toEqual(value);
    expect(sources.delete(key)).toBe(true);
    expect(sources.delete(key)).toBe(false);
    expect(sources.get(key)).toBeUndefined();
    expect(sources.has(key)).toBe(false);
    expect(() => sources.set(key, value, 'existing')).toThrow('there is no such key (ENOENT)');
    // Both sides of a checked session have seen it.
    fill(session);
    expect(session.finish()).toBeUndefined();
  });

  it('takes numbers and bytes where the object has no types', () => {
    const session = openSession(counting);
    const counts = session.map('counts');
    counts.set(0, 41n);
    session.run({ data: new Uint8Array(60) });
    expect(counts.get(0)).toEqual(Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0));
    expect([...counts.keys()]).toEqual([Uint8Array.of(0, 0, 0, 0), Uint8Array.of(1, 0, 0, 0)]);
    expect(errorOf(() => counts.set(2, 1)).format()).toBe(
      'map `counts`: it is full, or there is no such index (E2BIG)\nhint: delete elements first, or open the session with `mapEntries`',
    );
    expect(errorOf(() => counts.delete(0)).message).toBe('map `counts`: this type of map does not do that (EINVAL)');
    expect(errorOf(() => counts.set(0, 'x')).format()).toBe(
      'map `counts`: value: the object has no BTF type for it\nhint: give a Uint8Array of 8 bytes',
    );
    expect(errorOf(() => session.map('nope')).format()).toBe('there is no map `nope`\nhint: maps are counts, perf');
  });
});
