import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../src/base/index.js';
import { captureCli } from '../src/cli/testing.js';
import { type CallName, type Calls, type FromWorker, LabServer } from '../src/lab/index.js';

/** A worker's side in this thread; answers come as from a worker: cloned. */
class Page {
  readonly messages: FromWorker[] = [];
  private next = 1;
  private readonly server = new LabServer({
    send: (message) => this.messages.push(structuredClone(message)),
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    now: () => performance.now(),
  });

  async call<Name extends CallName>(name: Name, given: Calls[Name]['given']): Promise<Calls[Name]['back']> {
    const id = this.next++;
    await this.server.take({ kind: 'call', id, name, given });
    const answer = this.messages.findLast((message) => message.id === id && message.kind !== 'progress');
    if (answer?.kind === 'failed') throw new Error(JSON.stringify(answer.error));
    return (answer as { value: unknown }).value as Calls[Name]['back'];
  }

  stop(id: number): void {
    void this.server.take({ kind: 'stop', id });
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 5000) yield bytes.subarray(at, at + 5000);
}

const file = (example: string, name: string): { readonly name: string; readonly bytes: Uint8Array } => ({
  name,
  bytes: new Uint8Array(readFileSync(`examples/${example}/${name}`)),
});

async function openExample(page: Page, name: string): Promise<Calls['open']['back']> {
  const maps = existsSync(`examples/${name}/${name}.maps.json`) ? file(name, `${name}.maps.json`) : undefined;
  return page.call('open', { object: file(name, `${name}.o`), maps });
}

function trafficOf(name: string): Calls['run']['given'] {
  const { bytes } = file(name, 'traffic.pcap');
  return { name: 'traffic.pcap', size: bytes.length, chunks: piecesOf(bytes) };
}

describe('the workbench', () => {
  it('decides as the command line does, and says which path each packet took', async () => {
    const page = new Page();
    await openExample(page, 'port-knocking');
    const { summary, verdict: column } = await page.call('run', trafficOf('port-knocking'));
    const { traces, trace: paths, summary: onCard } = await page.call('card', {});
    expect(onCard.verdicts).toEqual(summary.verdicts);
    const folder = 'examples/port-knocking';
    const { out } = await captureCli([
      'run',
      `${folder}/port-knocking.o`,
      'port_knocking',
      '-r',
      `${folder}/traffic.pcap`,
      '--maps-in',
      `${folder}/port-knocking.maps.json`,
      '-j',
    ]);
    const expected = JSON.parse(out) as { verdicts: Record<string, number> };
    expect(summary.verdicts).toMatchObject(expected.verdicts);
    for (const [i, name] of ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'].entries()) {
      expect(column.filter((verdict) => verdict === i)).toHaveLength(expected.verdicts[name] ?? 0);
    }
    expect(traces.length).toBeGreaterThan(1);
    for (const [id, { verdict }] of traces.entries()) {
      const took = [...paths.keys()].filter((i) => paths[i] === id);
      expect(new Set(took.map((i) => column[i])).size).toBe(1);
      expect(['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'][column[took[0] ?? 0] ?? 0]).toBe(verdict);
    }
  });

  it('knows the line that decided about a packet, and what the packet was before and after', async () => {
    const page = new Page();
    const { files } = await openExample(page, 'load-balancer');
    const { verdict: column } = await page.call('run', trafficOf('load-balancer'));
    const reasons = await page.call('reasons', { most: 300 });
    expect(reasons.packets).toBe(300);
    expect(reasons.isPartial).toBe(column.length > 300);
    expect(reasons.decisions.reduce((sum, { packets }) => sum + packets, 0)).toBe(300);
    for (const { verdict, place, text } of reasons.decisions) {
      const line = files[place?.file ?? -1]?.lines.find((one) => one.line === place?.line);
      expect(line?.text.trim()).toBe(text);
      expect(['DROP', 'PASS', 'TX', 'REDIRECT']).toContain(verdict);
    }
    const sent = column.findIndex((verdict, i) => verdict === 3 && i < 300);
    const detail = await page.call('packet', { index: sent });
    expect(detail.verdict).toBe('TX');
    expect(detail.decided).toEqual(reasons.decisions[reasons.decision[sent] ?? -1]);
    const changed = detail.packet.headers.flatMap(({ fields }) =>
      fields.filter(({ arrived }) => arrived !== undefined),
    );
    expect(changed.map(({ name }) => name)).toContain('ip.dst');
    expect(detail.way.length).toBeGreaterThan(3);
    expect(detail.way.reduce((sum, { insns }) => sum + insns, 0)).toBe(detail.steps);
  });

  it('finds packets by field, verdict and line', async () => {
    const page = new Page();
    await openExample(page, 'port-knocking');
    const { verdict: column } = await page.call('run', trafficOf('port-knocking'));
    await page.call('reasons', { most: 1e6 });
    const dropped = await page.call('find', { verdict: 1 });
    expect(dropped).toHaveLength(column.filter((verdict) => verdict === 1).length);
    const udp = await page.call('find', { filter: 'udp' });
    expect(udp.length).toBeGreaterThan(0);
    for (const { summary } of await page.call('rows', { packets: [...udp.slice(0, 20)] }))
      expect(summary).toMatch(/UDP/);
    await expect(page.call('find', { filter: 'udp.dprt == 53' })).rejects.toThrow(/udp.dport/);
  });

  it('shows the IR after each pass and the module that the host runs', async () => {
    const page = new Page();
    await openExample(page, 'port-knocking');
    const { passes } = await page.call('ir', {});
    expect(passes.length).toBeGreaterThan(5);
    expect(new Set(passes.map(({ text }) => text)).size).toBeGreaterThan(3);
    expect([...(await page.call('wasm', {})).subarray(0, 4)]).toEqual([0, 97, 115, 109]);
  });

  it('words errors as the command line does, at their place, and goes on', async () => {
    const page = new Page();
    const broken = { name: 'broken.o', bytes: new Uint8Array([1, 2, 3]) };
    await page.call('open', { object: broken }).catch(() => undefined);
    const { out } = await captureCli(['show', '-', '-j'], { stdin: broken.bytes });
    const { error } = JSON.parse(out) as { error: { message: string } };
    const failed = page.messages.find((message) => message.kind === 'failed');
    expect(failed).toMatchObject({ error: { code: 'bad-input', message: error.message } });
    await openExample(page, 'port-knocking');
    const noise = { name: 'noise.pcap', size: 3, chunks: piecesOf(new Uint8Array([1, 2, 3])) };
    await expect(page.call('run', noise)).rejects.toThrow(/noise.pcap/);
    expect((await page.call('run', trafficOf('port-knocking'))).summary.packets).toBeGreaterThan(0);
  });

  it('shows a program that Linux would refuse, with why, and runs it on the interpreter', async () => {
    const page = new Page();
    const text = '.section xdp\np:\n  r1 = *(u32 *)(r1 + 0)\n  r0 = *(u8 *)(r1 + 0)\n  r0 = 1\n  exit\n';
    const { refusal } = await page.call('open', { object: { name: 'p.s', bytes: encodeUtf8(text) } });
    expect(refusal).toMatchObject({ insn: 1 });
    expect(refusal?.message).not.toBe('');
    const { summary } = await page.call('run', trafficOf('port-knocking'));
    expect(summary.verdicts.DROP).toBe(summary.packets);
  });

  it('stops in the middle of a capture and says that it is not all', async () => {
    const page = new Page();
    await openExample(page, 'port-knocking');
    const { bytes } = file('port-knocking', 'traffic.pcap');
    async function* stopping(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 5000);
      page.stop(2);
      yield* piecesOf(bytes.subarray(5000));
    }
    const ran = await page.call('run', { name: 't.pcap', size: bytes.length, chunks: stopping() });
    expect(ran.isPartial).toBe(true);
    expect(ran.summary.packets).toBe(ran.verdict.length);
    const { summary } = await page.call('run', trafficOf('port-knocking'));
    expect(ran.summary.packets).toBeLessThan(summary.packets);
  });
});

describe('a packet step by step', () => {
  it('goes forward and back, and the verifier says what it knows', async () => {
    const page = new Page();
    await openExample(page, 'ipv6-filter');
    await page.call('run', trafficOf('ipv6-filter'));
    const step = (move: Calls['step']['given']['move']): Promise<Calls['step']['back']> =>
      page.call('step', { index: 3, move, asks: true });
    const start = await step({ kind: 'to', position: 0 });
    expect(start.registers[1]?.known).toContain('ctx');
    const second = await step({ kind: 'insn', back: false });
    expect(second.position).toBe(1);
    const further = await step({ kind: 'line', back: false });
    expect(further.position).toBeGreaterThan(1);
    expect(further.place).not.toEqual(start.place);
    const end = await step({ kind: 'to', position: start.length });
    expect(end.insn).toBeUndefined();
    const again = await step({ kind: 'to', position: 1 });
    expect(again.registers.map(({ text }) => text)).toEqual(second.registers.map(({ text }) => text));
    const there = await step({ kind: 'line at', place: further.place ?? { file: 0, line: 0 }, back: false });
    expect(there.position).toBe(further.position);
  });
});

describe('maps', () => {
  it('are shown before the first packet and after the last, and can be given otherwise', async () => {
    const page = new Page();
    const { maps } = await openExample(page, 'token-bucket');
    await page.call('run', trafficOf('token-bucket'));
    const tables = await Promise.all(maps.map((_, map) => page.call('map', { map })));
    const changed = tables.flatMap(({ elements }) => elements.filter(({ before, after }) => before !== after));
    expect(changed.length).toBeGreaterThan(0);
  });
});

describe('hit rates', () => {
  it('are those of the command line', async () => {
    const page = new Page();
    await openExample(page, 'ipv6-filter');
    await page.call('run', trafficOf('ipv6-filter'));
    const { sizes, curves } = await page.call('hitRates', {});
    const folder = 'examples/ipv6-filter';
    const { out } = await captureCli([
      'cache',
      `${folder}/ipv6-filter.o`,
      '-r',
      `${folder}/traffic.pcap`,
      '--sizes',
      sizes.join(','),
      '-j',
    ]);
    const expected = JSON.parse(out) as { curves: { policy: string; hits: number[] }[] };
    expect(curves.map(({ name, hits }) => ({ policy: name, hits }))).toEqual(
      expected.curves.map(({ policy, hits }) => ({ policy, hits })),
    );
  });
});
