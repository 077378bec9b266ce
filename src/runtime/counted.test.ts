/** What compiled code counts is what the interpreter sees: every slot and every jump, on whole captures. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Coverage } from '../explore/index.js';
import { assemble, type ObjectSpec, readObject } from '../object/index.js';
import { decodeCapture } from '../packet/index.js';
import { parseMapsFile } from '../vm/index.js';
import { Session } from './index.js';

const examples = ['firewall', 'nat', 'load-balancer', 'ddos-mitigator', 'token-bucket', 'port-knocking', 'lpm-router'];

/** Counts of a run, compiled after its first packets or not at all. */
function countsOf(
  object: ObjectSpec,
  packets: readonly Uint8Array[],
  host: 'interp' | 'wasm',
  maps?: string,
): Coverage {
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const contents = maps === undefined ? undefined : { contents: parseMapsFile(maps) };
  const session = new Session(object, program, { card: false, host, maps: contents, counts: true });
  const coverage = new Coverage();
  session.runtime.host.interpreter.observer = coverage;
  if (host === 'wasm') session.runtime.host.prepare();
  for (const data of packets) session.run({ data });
  expect(session.runtime.host.fallback).toBeUndefined();
  for (const loaded of session.runtime.machine.programs) {
    const counts = session.runtime.host.countsOf(loaded);
    if (counts?.runs.some((n) => n > 0)) coverage.add(loaded.spec, counts.runs, counts.jumps);
  }
  return coverage;
}

function expectEqual(compiled: Coverage, seen: Coverage): void {
  for (const { program, runs, jumps } of seen.counts) {
    const own = compiled.of(program);
    expect([...own.runs], `runs of ${program.name}`).toEqual([...runs]);
    expect([...own.jumps], `jumps of ${program.name}`).toEqual([...jumps]);
  }
}

describe('counters of compiled code', () => {
  it.each(examples)('count what the interpreter sees: %s', (name) => {
    const folder = `examples/${name}`;
    const object = readObject(readFileSync(`${folder}/${name}.o`));
    const maps = existsSync(`${folder}/${name}.maps.json`)
      ? readFileSync(`${folder}/${name}.maps.json`, 'utf8')
      : undefined;
    const packets = decodeCapture(readFileSync(`${folder}/traffic.pcap`)).packets.slice(0, 120);
    const data = packets.map((packet) => packet.data);
    expectEqual(countsOf(object, data, 'wasm', maps), countsOf(object, data, 'interp', maps));
  });

  it('count loops, functions, callbacks and tail calls that fail or not', () => {
    const object = assemble(`
	.license "GPL"
	.map jumps type=prog_array key=4 value=4 max_entries=2
	.slot 0, other
	.section xdp
	.globl main
main:
	r6 = r1
	r7 = 5
again:
	r7 += -1
	if r7 == 2 goto again
	if r7 s> 0 goto again
	*(u64 *)(r10 - 8) = 0
	call helper
	r1 = 3
	r2 = turn ll
	r3 = r10
	r3 += -8
	r4 = 0
	call bpf_loop
	r2 = *(u32 *)(r6 + 0)
	r3 = *(u32 *)(r6 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto out
	r3 = *(u8 *)(r2 + 0)
	r1 = r6
	r2 = jumps ll
	call bpf_tail_call
	r0 = 1
	exit
out:
	goto away
away:
	r0 = 2
	exit
	.type helper, @function
helper:
	r0 = 7
	if r0 == 7 goto +0
	exit
	.type turn, @function
turn:
	r3 = *(u64 *)(r2 + 0)
	r3 += 1
	*(u64 *)(r2 + 0) = r3
	r0 = 0
	exit
	.section xdp/other
	.globl other
other:
	r0 = 3
	exit
`);
    const packets = [0, 1, 0, 5].map((first) => Uint8Array.from({ length: 60 }, () => first));
    const data = [...packets, new Uint8Array(10)];
    expectEqual(countsOf(object, data, 'wasm'), countsOf(object, data, 'interp'));
  });
});
