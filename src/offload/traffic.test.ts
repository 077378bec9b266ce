import { describe, expect, it } from 'vitest';
import { encodeInsns } from '../isa/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { encodeCapture } from '../packet/index.js';
import { countingText } from './behaviours-setup.js';
import { toHex } from './hex.js';
import { OffloadKernel } from './kernel.js';
import { Records } from './records.js';
import { OffloadRefusal } from './refusal.js';
import { cutStages, dispatcherName } from './stages.js';
import { stagePackets } from './testing.js';

/** Counts packets by their first byte in map `seen`, and leaves that byte in `events`. */
const counting = assemble(
  `
.license "GPL"
.section xdp
.globl count
count:
  r9 = r1
  r8 = 0
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto out
  r8 = *(u8 *)(r2 + 0)
  *(u32 *)(r10 - 4) = r8
  r2 = r10
  r2 += -4
  r1 = seen ll
  call bpf_map_lookup_elem
  if r0 == 0 goto new
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
  goto tell
new:
  r1 = 1
  *(u64 *)(r10 - 16) = r1
  r1 = seen ll
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -16
  r4 = 0
  call bpf_map_update_elem
tell:
  r1 = r9
  r2 = events ll
  r3 = 0xffffffff ll
  r4 = r10
  r4 += -4
  r5 = 4
  call bpf_perf_event_output
out:
  r0 = 2
  r8 &= 1
  if r8 == 0 goto end
  r0 = 1
end:
  exit
.map seen type=TYPE key=4 value=8 max_entries=8
.map events type=perf_event_array key=4 value=4 max_entries=4
`.replace('TYPE', 'hash'),
);

/** Frames of 60 bytes that begin with these. */
const capture = (...firsts: number[]): Uint8Array =>
  encodeCapture(
    firsts.map((first) => ({ time: 0n, data: Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? first : 0)) })),
  );

/** Loads a program, pinned by its name. */
function load(kernel: OffloadKernel, object: ObjectSpec, name: string, dev?: string): number {
  const program = object.programs.find((each) => each.name === name);
  if (program === undefined) throw new Error(`no ${name}`);
  return kernel.load({ object, program, dev, pin: name, now: 0 }).prog.id;
}

const start = { name: 't', dev: 'nicp0', rate: 0, loops: 1 };
const send = (kernel: OffloadKernel, most = 1000): void => kernel.sendTraffic('t', most, () => 0n);
/** A map as `key -> value`, small numbers both. */
function numbers(kernel: OffloadKernel, id: number): Record<number, number> {
  return Object.fromEntries(kernel.dump({ id }).map(({ key, value }) => [key[0] ?? 0, value[0] ?? 0]));
}

describe.each(['hxdp', 'pipeline'])('packets that arrive at %s', (card) => {
  function ready(records = new Records(), keep?: ConstructorParameters<typeof OffloadKernel>[1]): OffloadKernel {
    const kernel = new OffloadKernel(records, keep);
    kernel.addDevice({ name: 'nic', card });
    const id = load(kernel, counting, 'count', 'nicp0');
    kernel.attach('nicp0', 'xdpoffload', { id });
    return kernel;
  }

  it('are counted by verdict, and what the program did to maps is there', () => {
    const kernel = ready();
    kernel.startTraffic({ ...start, capture: capture(1, 2, 2, 4), loops: 2 });
    send(kernel, 3);
    expect(kernel.model.find('traffic', 't')).toMatchObject({ sent: 3, state: 'running', bytes: 180 });
    expect(numbers(kernel, 1)).toEqual({ 1: 1, 2: 2 });
    send(kernel);
    const { decided, stack, ...source } = kernel.stopTraffic('t');
    expect(source).toMatchObject({ sent: 8, state: 'done' });
    expect([decided.hw, stack]).toEqual([{ aborted: 0, drop: 2, pass: 6, tx: 0, redirect: 0 }, 6]);
    expect(numbers(kernel, 1)).toEqual({ 1: 2, 2: 4, 4: 2 });
  });

  it('meet what the control plane did between them', () => {
    const kernel = ready();
    kernel.startTraffic({ ...start, capture: capture(1, 2), loops: 0 });
    send(kernel, 2);
    kernel.update({ id: 1 }, Uint8Array.of(1, 0, 0, 0), Uint8Array.of(40, 0, 0, 0, 0, 0, 0, 0), 0);
    kernel.delete({ id: 1 }, Uint8Array.of(2, 0, 0, 0));
    send(kernel, 2);
    expect(numbers(kernel, 1)).toEqual({ 1: 41, 2: 1 });
  });

  it('go on where they were in another process', () => {
    const first = ready();
    first.startTraffic({ ...start, capture: capture(1, 2, 4), loops: 2 });
    send(first, 4);
    const again = new OffloadKernel(first.model.records);
    send(again);
    expect(again.model.find('traffic', 't')).toMatchObject({ sent: 6, state: 'done' });
    expect(numbers(again, 1)).toEqual({ 1: 2, 2: 2, 4: 2 });
  });

  it('have not arrived where the log does not take them', () => {
    let isFull = false;
    const kernel = ready(new Records(), () => {
      if (isFull) throw new OffloadRefusal('state', 'ENOSPC');
    });
    kernel.startTraffic({ ...start, capture: capture(1, 1, 1) });
    kernel.takeEvents({ id: 2 }, 10, 0);
    isFull = true;
    expect(() => send(kernel)).toThrow('No space left');
    isFull = false;
    expect([kernel.model.find('traffic', 't')?.sent, numbers(kernel, 1)]).toEqual([0, {}]);
    expect(kernel.takeEvents({ id: 2 }, 10, 0).records).toEqual([]);
    send(kernel);
    expect(numbers(kernel, 1)).toEqual({ 1: 3 });
  });

  it('leave records in order; those that find the ring full are counted', () => {
    const kernel = ready();
    // Nobody reads yet.
    kernel.startTraffic({ ...start, capture: capture(1, 2, 4), loops: 0 });
    send(kernel, 3);
    const take = (most: number) => kernel.takeEvents({ id: 2 }, most, 0).records;
    expect(take(10)).toEqual([]);
    send(kernel, 4000);
    const held = Math.floor((16 * 4096) / 24);
    const all = take(10_000);
    expect(all).toHaveLength(held);
    expect(all.slice(0, 4).map((each) => (each.kind === 'sample' ? each.data[0] : -1))).toEqual([1, 2, 4, 1]);
    expect(kernel.events.counts).toEqual({ delivered: held, lost: 4000 - held, unread: 3 });
    send(kernel, 1);
    expect(take(10)).toMatchObject([{ kind: 'lost', count: 4000 - held }, { kind: 'sample' }]);
  });
});

describe('a source', () => {
  it('is refused where it can not run, and stops where it can no more', () => {
    const kernel = new OffloadKernel();
    const begin = (): unknown => kernel.startTraffic({ ...start, capture: capture(1) });
    expect(begin).toThrow("unrecognized netdevice 'nicp0'");
    kernel.addDevice({ name: 'nic', card: 'pipeline' });
    expect(() => kernel.startTraffic({ ...start, capture: capture() })).toThrow('no packets');
    begin();
    expect(begin).toThrow('File exists');
    kernel.removeDevice('nicp0');
    send(kernel);
    expect(kernel.model.find('traffic', 't')).toMatchObject({ sent: 0, state: 'stopped' });
    expect(kernel.stopTraffic('t').why).toContain('network devices that are there');
    expect(() => kernel.stopTraffic('t')).toThrow('No such file');
  });

  it('of a program that the daemon can not run says so, and none of its packets has arrived', () => {
    const asks = assemble(`
.license "GPL"
.section xdp
.globl ask
ask:
  r2 = r10
  r2 += -8
  call bpf_xdp_metadata_rx_timestamp
  r0 = 2
  exit
.extern bpf_xdp_metadata_rx_timestamp
`);
    const [program] = asks.programs;
    if (program === undefined) throw new Error('no program');
    const kernel = new OffloadKernel();
    kernel.addDevice({ name: 'nic', card: 'pipeline' });
    // As one that was loaded by a kernel which knows the function.
    const id = load(kernel, counting, 'count');
    const insns = toHex(encodeInsns(program.insns));
    kernel.model.put('prog', id, { ...kernel.prog({ id }), name: 'ask', insns });
    kernel.attach('nicp0', 'xdpdrv', { id });
    kernel.startTraffic({ ...start, capture: capture(1) });
    send(kernel);
    expect(kernel.model.find('traffic', 't')).toMatchObject({ sent: 0, state: 'stopped' });
    expect(kernel.stopTraffic('t').why).toContain('`ask` calls kernel functions');
  });

  it('reaches counters of a card in its own byte order', () => {
    const kernel = new OffloadKernel();
    kernel.addDevice({ name: 'nic', card: 'nfp4000' });
    kernel.attach('nicp0', 'xdpoffload', { id: load(kernel, assemble(countingText), 'f', 'nicp0') });
    kernel.startTraffic({ ...start, capture: capture(1, 2, 4) });
    send(kernel);
    expect(numbers(kernel, 1)).toEqual({ 0: 3, 1: 0, 2: 0, 3: 0 });
    // The memory unit adds in big endian, word by word.
    expect(kernel.model.records.get('elem/1/00000000')).toMatchObject({ value: '0000000300000000' });
  });

  it('goes from the card to the driver with its metadata: a chain in two stages', () => {
    const step = (name: string, next: number | undefined): string => `
.section xdp
.globl ${name}
${name}:
  r9 = r1
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 16
  if r4 > r3 goto ${name}_out
  r5 = *(u8 *)(r2 + 14)
  r5 += 3
  *(u8 *)(r2 + 14) = r5
  ${next === undefined ? '' : `r1 = r9\n  r2 = progs ll\n  r3 = ${next}\n  call bpf_tail_call`}
${name}_out:
  r0 = ${next === undefined ? 3 : 1}
  exit`;
    const maps =
      '.map progs type=prog_array key=4 value=4 max_entries=4\n.slot 0, second\n.slot 1, third\n.license "GPL"';
    const chain = assemble([step('first', 0), step('second', 1), step('third', undefined), maps].join('\n'));
    const { object, card, driver } = cutStages(chain, { entry: 'first', card: new Set(['first']) });
    const [entry = ''] = card;
    const kernel = new OffloadKernel();
    kernel.addDevice({ name: 'nic', card: 'pipeline' });
    const find = (names: readonly string[]): ObjectSpec => ({
      ...object,
      programs: object.programs.filter(({ name }) => names.includes(name)),
    });
    const onCard = object.programs[0]?.name ?? entry;
    kernel.attach('nicp0', 'xdpoffload', { id: load(kernel, find([onCard]), onCard, 'nicp0') });
    const dispatcher = load(kernel, find([dispatcherName]), dispatcherName);
    // One program array for all programs of the driver, as a loader would have it.
    const array = kernel.model.all('map').find(({ type, forDevice }) => type === 'prog_array' && !forDevice);
    if (array === undefined) throw new Error('no program array');
    kernel.pin('map', { id: array.id }, 'progs');
    const index = object.maps.findIndex(({ type }) => type === 'prog_array');
    for (const [slot, name] of driver.entries()) {
      const program = object.programs.find((each) => each.name === name);
      if (program === undefined) throw new Error(name);
      const reuse = new Map([[index, array.id]]);
      const { id } = kernel.load({ object, program, pin: name, reuse, now: 0 }).prog;
      kernel.update({ id: array.id }, Uint8Array.of(slot, 0, 0, 0), Uint8Array.of(id, 0, 0, 0), 0);
    }
    kernel.attach('nicp0', 'xdpdrv', { id: dispatcher });
    kernel.startTraffic({ ...start, capture: encodeCapture(stagePackets(40).map((data) => ({ time: 0n, data }))) });
    send(kernel);
    const source = kernel.stopTraffic('t');
    // One packet of the forty is too short for the first step.
    expect(source.decided.hw).toMatchObject({ drop: 1, pass: 39 });
    expect(source.decided.drv).toMatchObject({ tx: 39 });
  });
});

describe('a program array', () => {
  it('holds its programs while it is pinned, and no longer', () => {
    const jump = assemble(`
.license "GPL"
.section xdp
.globl jump
jump:
  r2 = progs ll
  r3 = 0
  call bpf_tail_call
  r0 = 2
  exit
.map progs type=prog_array key=4 value=4 max_entries=2
`);
    const kernel = new OffloadKernel();
    kernel.addDevice({ name: 'nic', card: 'pipeline' });
    const id = load(kernel, jump, 'jump');
    const slot = Uint8Array.of(0, 0, 0, 0);
    expect(() => kernel.update({ id: 1 }, slot, Uint8Array.of(9, 0, 0, 0), 0)).toThrow('Bad file descriptor');
    // As in Linux: without a pin the last descriptor empties it.
    kernel.update({ id: 1 }, slot, Uint8Array.of(id, 0, 0, 0), 0);
    expect(kernel.dump({ id: 1 })).toEqual([]);
    kernel.pin('map', { id: 1 }, 'progs');
    kernel.update({ id: 1 }, slot, Uint8Array.of(id, 0, 0, 0), 0);
    kernel.unpin('jump');
    expect(kernel.prog({ id }).name).toBe('jump');
    kernel.unpin('progs');
    expect([kernel.progs(), kernel.maps()]).toEqual([[], []]);
  });
});
