import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseImage, writeElf } from '../object/index.js';
import { countingText } from '../offload/index.js';
import { Client, type Reply } from './client.js';
import { type Daemon, startDaemon } from './daemon.js';

let folder = '';
let daemon: Daemon;
let client: Client;
const socket = (): string => join(folder, 'socket');

async function start(): Promise<void> {
  daemon = await startDaemon({
    state: join(folder, 'state'),
    socket: socket(),
    sync: 'never',
    limits: { body: 100_000, clients: 4 },
    say: () => undefined,
  });
  client = new Client(socket());
}

async function stop(): Promise<void> {
  client.close();
  await daemon.stop();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-daemon-'));
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

const object = (text: string): string => Buffer.from(writeElf(parseImage(text))).toString('base64');
const counting = object(countingText);
const ok = async (name: string, body: Record<string, unknown> = {}): Promise<unknown> => {
  const reply: Reply = await client.call(name, body);
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  return reply.body;
};

describe('a daemon', () => {
  it('holds a card with a program and its map, over its own end', async () => {
    await ok('device/add', { name: 'nic', card: 'nfp4000' });
    const { prog } = (await ok('prog/load', { object: counting, dev: 'nicp0', pin: 'count' })) as { prog: unknown };
    expect(prog).toMatchObject({ name: 'f', type: 'xdp', jited: true, dev: { ifname: 'nicp0' }, pinned: ['count'] });
    await ok('net/attach', { pinned: 'count', dev: 'nicp0', type: 'xdpoffload' });
    const [map] = (await ok('map/show')) as { id: number; max_entries: number }[];
    await ok('map/update', { id: map?.id, key: '01000000', value: '0500000000000000' });
    const before = await Promise.all([ok('prog/show'), ok('map/show'), ok('net/show'), ok('device/show')]);
    await stop();
    await start();
    expect(await Promise.all([ok('prog/show'), ok('map/show'), ok('net/show'), ok('device/show')])).toEqual(before);
    expect(await ok('net/show')).toEqual([
      { xdp: [{ devname: 'nicp0', ifindex: 1, mode: 'offload', id: 1 }], tc: [], flow_dissector: [] },
    ]);
    expect(await ok('map/lookup', { id: map?.id, key: '01000000' })).toMatchObject({
      value: ['0x05', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00', '0x00'],
    });
  });

  it('says what driver and kernel say', async () => {
    await ok('device/add', { name: 'nic', card: 'nfp4000', off: ['map_lookup'] });
    expect(await client.call('prog/load', { object: counting, dev: 'nicp0', pin: 'count' })).toMatchObject({
      status: 422,
      body: { errno: 'EOPNOTSUPP', extack: '[nfp] map_lookup: not supported by FW' },
    });
    expect(await ok('prog/show')).toEqual([]);
    const { fallback } = (await ok('prog/load', {
      object: counting,
      dev: 'nicp0',
      pin: 'count',
      offload: 'preferred',
    })) as {
      fallback: string;
    };
    expect(fallback).toBe('[nfp] map_lookup: not supported by FW');
    expect(await client.call('prog/show', { pinned: 'nothing' })).toMatchObject({
      status: 422,
      body: { error: 'bpf obj get (nothing): No such file or directory' },
    });
  });

  it('a counter on the card is read as a number of the host', async () => {
    await ok('device/add', { name: 'nic', card: 'nfp4000' });
    await ok('prog/load', { object: counting, dev: 'nicp0', pin: 'count' });
    const at = { id: 1, key: '00000000' };
    await ok('map/update', { ...at, value: '0500000000000000' });
    // The memory unit adds in big endian, word by word.
    expect(daemon.kernel.model.records.get('elem/1/00000000')).toMatchObject({ value: '0000000500000000' });
    expect(await ok('map/lookup', at)).toMatchObject({ value: ['0x05', ...Array.from({ length: 7 }, () => '0x00')] });
  });

  it('lets only its user in', () => {
    expect(statSync(socket()).mode & 0o777).toBe(0o600);
  });

  it('refuses what is too long, no JSON, no call, or no field, and goes on', async () => {
    expect((await client.call('net/show', { filler: 'x'.repeat(200_000) }).catch(() => ({ status: 413 }))).status).toBe(
      413,
    );
    expect((await client.call('net/show', { filler: 1 })).status).toBe(400);
    expect((await client.call('net/shout')).status).toBe(404);
    expect((await client.call('device/add', { name: 'a b', card: 'nfp4000' })).status).toBe(400);
    await ok('net/show');
  });

  it('a client that says nothing, or nonsense, keeps nobody', async () => {
    const silent = connect(socket());
    const odd = connect(socket());
    odd.write('\u0000\u0001 HTTP\r\n\r\n');
    await new Promise<void>((done) => odd.once('data', () => done()));
    await ok('net/show');
    silent.destroy();
    odd.destroy();
  });

  it('is alone on its socket', async () => {
    const again = startDaemon({ state: join(folder, 'other'), socket: socket(), sync: 'never', say: () => undefined });
    await expect(again).rejects.toThrow('somebody listens there already');
  });
});
