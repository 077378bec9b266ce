/**
 * bpf_xdp_metadata_rx_* in the running kernel, on a veth pair in a network namespace that is made here and goes with
 * its process, and on jitnic with a table that says the same of the frames. Needs root, clang and a kernel with these
 * functions; elsewhere reported as skipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { hostBtf } from '../../src/linux/index.js';
import { bindToDevice, type ProgramSpec, readObject } from '../../src/object/index.js';
import { Session } from '../../src/runtime/index.js';
import { RxMetadata } from '../../src/vm/index.js';

const built = (path: string): string => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-rx-'));
afterAll(() => rmSync(folder, { recursive: true }));
const compiler = 'clang-19';
const objectFile = join(folder, 'rx-metadata.o');

function compiles(): boolean {
  const source = fileURLToPath(new URL('rx-metadata.c', import.meta.url));
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-idirafter', '/usr/include/x86_64-linux-gnu'];
  return spawnSync(compiler, [...flags, '-c', source, '-o', objectFile]).status === 0;
}

// Addresses are good at once: nobody else is there who could have them.
const pair =
  'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link add name jn0 type veth peer name jn1 && ip link set jn0 up && ip link set jn1 up';
/** Not every kernel has VLANs. */
const vlan = 'ip link add link jn1 name jn1.5 type vlan id 5 egress-qos-map 0:3 && ip link set jn1.5 up';
const does = (shell: string): boolean => spawnSync('unshare', ['-n', 'sh', '-c', shell]).status === 0;
const hasVlan = does(`${pair} && ${vlan}`);
/** Interfaces `jn0`, `jn1` and, where there may be one, `jn1.5`, which is VLAN 5 on `jn1`. */
const network = hasVlan ? `${pair} && ${vlan}` : pair;
const devices = ['jn1', hasVlan ? 'jn1.5' : 'jn1', 'jn1'];

/** Sends on each of {@link devices}, and prints what the program on `jn0` has noted. */
const script = `
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
const { Bpf, KernelObject } = await import(${JSON.stringify(built('linux/index.js'))});
const { bindToDevice, readObject } = await import(${JSON.stringify(built('object/index.js'))});
const { hostBtf } = await import(${JSON.stringify(built('linux/index.js'))});
const index = (name) => Number(/^(\\d+):/.exec(execFileSync('ip', ['link', 'show', name], { encoding: 'utf8' }))[1]);
const bpf = Bpf.open();
const object = bindToDevice(readObject(readFileSync(process.argv[1]), { name: 'rx-metadata.o', btf: hostBtf() }));
const kernel = KernelObject.load(bpf, object, { ifindex: index('jn0') });
const { loaded } = kernel.programs[0];
if (!('fd' in loaded)) throw new Error(loaded.log);
const link = bpf.linkXdp(loaded.fd, index('jn0'));
if (link < 0) throw new Error('link ' + link);
for (const device of ${JSON.stringify(devices)}) {
  const socket = createSocket('udp6');
  await new Promise((done, fail) => socket.send('twelve bytes', 9, 'ff02::1%' + device, (error) => (error ? fail(error) : done())));
  socket.close();
  await new Promise((done) => setTimeout(done, 50));
}
const notes = kernel.maps.find(({ spec }) => spec.name === 'notes').fd;
const note = (i) => Array.from(bpf.mapLookup(notes, Uint8Array.of(i, 0, 0, 0), 32));
console.log(JSON.stringify([0, 1, 2, 3].map(note)));
`;

const ready =
  existsSync(built('linux/index.js')) &&
  hostBtf()?.find('bpf_xdp_metadata_rx_vlan_tag', 'func') !== undefined &&
  compiles() &&
  does(pair);

/** One of the program's notes. */
interface Note {
  readonly timestamp: bigint;
  readonly hash: number;
  readonly rssType: number;
  readonly codes: readonly number[];
  readonly bytes: readonly number[];
}

function noteOf(bytes: readonly number[]): Note {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return {
    timestamp: view.getBigUint64(0, true),
    hash: view.getUint32(8, true),
    rssType: view.getUint32(12, true),
    codes: [20, 24, 28].map((at) => view.getInt32(at, true)),
    bytes,
  };
}

describe.skipIf(!ready)('what veth tells of frames', () => {
  test('comes out of a table that says so, byte for byte', () => {
    const shell = `${network} && exec "$0" --input-type=module -e "$1" "$2"`;
    const text = execFileSync('unshare', ['-n', 'sh', '-c', shell, process.execPath, script, objectFile], {
      encoding: 'utf8',
    });
    const notes = (JSON.parse(text) as number[][]).map(noteOf);
    // veth has a hash and a time of each frame that came as a socket buffer, and a tag where one was put on.
    const tagged = hasVlan ? 0 : -61;
    expect(notes.map(({ codes }) => codes)).toEqual([
      [0, 0, -61],
      [0, 0, tagged],
      [0, 0, -61],
      [0, 0, 0],
    ]);
    expect(notes[3]?.bytes.every((byte) => byte === 0)).toBe(true);
    const sent = notes.slice(0, 3);
    const rxMetadata = RxMetadata.parse({
      features: ['timestamp', 'hash', 'vlan-tag'],
      packets: sent.map(({ timestamp, hash, rssType }, i) => ({
        packet: i + 1,
        timestamp: String(timestamp),
        hash,
        rss_type: rssType,
        ...(i === 1 && hasVlan ? { vlan_tag: { proto: '802.1q', id: 5, priority: 3 } } : {}),
      })),
    });
    const bytes = readFileSync(objectFile);
    const object = bindToDevice(readObject(bytes, { name: 'rx-metadata.o', btf: hostBtf() }));
    const frame = new Uint8Array(74);
    frame.set([0x86, 0xdd], 12);
    frame[20] = 17;
    for (const host of ['interp', 'wasm'] as const) {
      for (const card of [false, true]) {
        const program = object.programs[0] as ProgramSpec;
        const session = new Session(object, program, { rxMetadata, host, card, check: true });
        const verdicts = sent.map(() => session.run({ data: frame }).verdictName);
        expect(session.finish()).toBeUndefined();
        expect(verdicts).toEqual(['DROP', 'DROP', 'DROP']);
        const entries = session.dumpMaps().maps['notes'] ?? [];
        const ours = entries.slice(0, 4).map(({ value }) => String(value).split(' '));
        expect(ours.map((value) => value.map((byte) => Number.parseInt(byte, 16)))).toEqual(
          notes.map(({ bytes }) => bytes),
        );
      }
    }
  }, 60_000);
});
