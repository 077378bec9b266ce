/**
 * Ring buffers of compiled code, which are filled in batches, against the interpreter, whose consumer is there after
 * each packet.
 */
import { describe, expect, it } from 'vitest';
import { assemble, type ObjectSpec } from '../object/index.js';
import { generateBatches, packetAt } from '../packet/index.js';
import { verify } from '../verifier/index.js';
import type { Output } from '../vm/index.js';
import { Session, type SessionOptions } from './index.js';

/** What a packet does with the ring follows from the last bits of its destination address. */
function rings(size: number, more = ''): ObjectSpec {
  const reserve = (bytes: number, keep: string): string => `
      r1 = ring ll
      r2 = ${bytes}
      r3 = 0
      call bpf_ringbuf_reserve
      if r0 == 0 goto full
      ${keep} = r0`;
  const close = (helper: string, from: string): string => `
      r1 = ${from}
      r2 = 0
      call bpf_ringbuf_${helper}`;
  return assemble(`.license "GPL"
    .map ring type=ringbuf max_entries=${size}
    .map events type=perf_event_array key=4 value=4 max_entries=1
    ${more}
    .section xdp
    .globl main
    main:
      r6 = r1
      r7 = *(u32 *)(r6 + 0)
      r2 = *(u32 *)(r6 + 4)
      r3 = r7
      r3 += 60
      r0 = 2
      if r3 > r2 goto out
      r8 = *(u8 *)(r7 + 33)
      r8 &= 7
      if r8 == 0 goto output
      if r8 == 1 goto load
      if r8 == 2 goto discard
      if r8 == 3 goto large
      if r8 == 4 goto query
      if r8 == 5 goto perf
      if r8 == 6 goto two
      r0 = 1
      exit
    output:
      r1 = *(u64 *)(r7 + 20)
      *(u64 *)(r10 - 32) = r1
      *(u64 *)(r10 - 24) = r1
      r1 = *(u64 *)(r7 + 28)
      *(u64 *)(r10 - 16) = r1
      *(u64 *)(r10 - 8) = r1
      r1 = ring ll
      r2 = r10
      r2 += -32
      r3 = 30
      r4 = 0
      call bpf_ringbuf_output
      if r0 != 0 goto full
      r0 = 3
      exit
    load:
      ${reserve(48, 'r8')}
      r1 = r6
      r2 = 3
      r3 = r8
      r3 += 7
      r4 = 32
      call bpf_xdp_load_bytes
      ${close('submit', 'r8')}
      r0 = 2
      exit
    discard:
      ${reserve(100, 'r8')}
      *(u64 *)(r8 + 8) = 77
      ${close('discard', 'r8')}
      r0 = 2
      exit
    large:
      ${reserve(1700, 'r8')}
      r1 = *(u64 *)(r7 + 26)
      *(u64 *)(r8 + 1600) = r1
      *(u64 *)(r8 + 40) = r1
      ${close('submit', 'r8')}
      r0 = 2
      exit
    query:
      ${reserve(24, 'r8')}
      r9 = 0
    again:
      r1 = ring ll
      r2 = r9
      call bpf_ringbuf_query
      if r9 == 0 goto available
      if r9 == 2 goto consumer
      *(u64 *)(r8 + 16) = r0
      goto queried
    available:
      *(u64 *)(r8 + 0) = r0
      r9 = 2
      goto again
    consumer:
      *(u64 *)(r8 + 8) = r0
      r9 = 3
      goto again
    queried:
      ${close('submit', 'r8')}
      r0 = 2
      exit
    perf:
      ${reserve(8, 'r8')}
      r1 = *(u64 *)(r7 + 26)
      *(u64 *)(r8 + 0) = r1
      ${close('submit', 'r8')}
      r1 = r6
      r2 = events ll
      r3 = 0
      r4 = *(u64 *)(r7 + 26)
      *(u64 *)(r10 - 8) = r4
      r4 = r10
      r4 += -8
      r5 = 8
      call bpf_perf_event_output
      goto output
    two:
      ${reserve(24, 'r8')}
      r1 = *(u64 *)(r7 + 26)
      *(u64 *)(r8 + 0) = r1
      r1 = ring ll
      r2 = 520
      r3 = 0
      call bpf_ringbuf_reserve
      if r0 == 0 goto one
      r1 = *(u64 *)(r7 + 34)
      *(u64 *)(r0 + 512) = r1
      ${close('submit', 'r0')}
    one:
      ${close('submit', 'r8')}
      r0 = 3
      exit
    full:
      r0 = 0
    out:
      exit`);
}

interface Left {
  readonly verdicts: unknown;
  readonly outputs: readonly string[];
}

function run(object: ObjectSpec, how: 'batches' | 'one by one', options: SessionOptions): Left {
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const session = new Session(object, program, { card: false, ...options });
  const batches = generateBatches({ seed: 5, packets: 4000, flows: 300, popularity: { zipf: 0.5 } });
  const outputs: Output[] = [];
  session.gathersOutputs = how === 'batches' && options.check !== true;
  for (const batch of batches) {
    for (let at = 0; at < batch.count; ) {
      if (how === 'batches') {
        at += session.runBatch(batch, at, Number.POSITIVE_INFINITY);
        outputs.push(...session.outputs);
      } else {
        session.run(packetAt(batch, at++));
        outputs.push(...session.runtime.machine.outputs);
      }
    }
  }
  expect(session.finish()).toBeUndefined();
  const text = outputs.map((output) =>
    JSON.stringify(output, (_, part) => (ArrayBuffer.isView(part) ? [...(part as Uint8Array)] : part)),
  );
  return { verdicts: session.verdicts, outputs: text };
}

describe('ring buffers of compiled code', () => {
  it('is about a program that is verified', () => {
    const object = rings(4096);
    const { accepted, log } = verify(object.programs[0] as ObjectSpec['programs'][number], object.maps, {
      license: 'GPL',
    });
    expect(accepted, log).toBe(true);
  });

  it.each([4096, 65_536])('hand the consumer the same records in the same order: %i bytes', (size) => {
    const expected = run(rings(size), 'one by one', { host: 'interp' });
    expect(expected.outputs.length).toBeGreaterThan(2000);
    expect(new Set(expected.outputs.map((text) => text.length)).size).toBeGreaterThan(20);
    expect(run(rings(size), 'batches', { host: 'wasm' })).toEqual(expected);
  });

  it('are left to JavaScript where there are several, with the same outcome', () => {
    const object = rings(4096, '.map other type=ringbuf max_entries=4096');
    expect(run(object, 'batches', { host: 'wasm' })).toEqual(run(object, 'one by one', { host: 'interp' }));
  });

  it('leave the memory that the interpreter leaves', () => {
    run(rings(4096), 'batches', { host: 'wasm', check: true });
  });
});
