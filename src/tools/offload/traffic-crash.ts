/**
 * Daemons that are killed while packets arrive: a program on the card counts them in a map, the source counts them in
 * its record, and both are one entry of the log. So after a kill both are equal, and not behind what a client was
 * told.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OffloadKernel } from '../../offload/index.js';
import { type Client, readLog } from '../../server/index.js';
import { startChild } from './crash.js';
import { generator } from './operations.js';
import { countingObject, frames } from './sample.js';

/** What came of it. */
export interface TrafficCrashReport {
  readonly kills: number;
  /** Packets that had arrived in the end. */
  readonly packets: number;
  readonly fault: string | undefined;
}

/** Milliseconds that a daemon lives from then on, at most. */
const longest = 60;

/** Kills daemons under traffic. */
export async function trafficCrashCampaign(kills: number, seed: number): Promise<TrafficCrashReport> {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-traffic-'));
  const random = generator(seed);
  let packets = 0;
  try {
    for (let kill = 0; kill < kills; kill++) {
      const { child, gone, client } = await startChild(folder);
      if (kill === 0) await setUp(client);
      const told = { sent: 0 };
      const asking = ask(client, told);
      // Told of some of this life first, so that a busy machine does not kill daemons before anything has arrived.
      while (told.sent <= packets) await sleep(1);
      await sleep(random() * longest);
      child.kill('SIGKILL');
      await Promise.all([gone, asking]);
      client.close();
      const path = join(folder, 'state', 'state.log');
      const kernel = new OffloadKernel(readLog(readFileSync(path), path).records);
      packets = kernel.model.find('traffic', 't')?.sent ?? -1;
      const [element] = kernel.dump({ id: 1 });
      const counted = element === undefined ? -1 : Number(new DataView(element.value.buffer).getBigUint64(0, true));
      if (packets !== counted || packets < told.sent) {
        const fault = `kill ${kill} of seed ${seed}: ${packets} sent, ${counted} in the map, ${told.sent} told`;
        return { kills: kill + 1, packets, fault };
      }
    }
    return { kills, packets, fault: undefined };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function setUp(client: Client): Promise<void> {
  const calls: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['device/add', { name: 'nic', card: 'nfp4000' }],
    ['prog/load', { object: countingObject, dev: 'nicp0', pin: 'count' }],
    ['net/attach', { pinned: 'count', dev: 'nicp0', type: 'xdpoffload' }],
    ['traffic/start', { name: 't', dev: 'nicp0', capture: frames, rate: 20_000, loops: 0 }],
  ];
  for (const [name, body] of calls) {
    const { status, body: answer } = await client.call(name, body);
    if (status !== 200) throw new Error(`${name}: ${JSON.stringify(answer)}`);
  }
}

/** Asks how many there are, again and again, until nobody answers. */
async function ask(client: Client, told: { sent: number }): Promise<void> {
  for (;;) {
    try {
      const { body } = await client.call('traffic/show', { name: 't' });
      told.sent = (body as { readonly sent: number }).sent;
    } catch {
      return;
    }
  }
}
