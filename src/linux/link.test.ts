/**
 * Pins and links in the kernel: what outlives a descriptor, and what does not outlive its process. Links are made on a
 * veth pair in a network namespace that is made here and goes with the process that lives in it. Needs root and a BPF
 * file system; elsewhere reported as skipped.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { encodeInsns, type Insn, op } from '../isa/index.js';
import { Bpf } from './bpf.js';

const bpffs = '/sys/fs/bpf';
const built = fileURLToPath(new URL('../../dist/linux/bpf.js', import.meta.url));

function tryOpen(): { readonly bpf: Bpf; readonly folder: string } | undefined {
  try {
    return { bpf: Bpf.open(), folder: mkdtempSync(join(bpffs, 'jitnic-test-')) };
  } catch {
    return undefined;
  }
}

const opened = tryOpen();
afterAll(() => opened && rmSync(opened.folder, { recursive: true, force: true }));

function canMakeNamespaces(): boolean {
  try {
    execFileSync('unshare', ['-n', 'ip', 'link', 'add', 'name', 'jn0', 'type', 'veth', 'peer', 'name', 'jn1'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

const mov = (dst: number, imm: number): Insn => ({ code: op.ALU64 | op.MOV | op.K, dst, src: 0, off: 0, imm });
const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };

function load(bpf: Bpf, verdict: number, name: string): number {
  const loaded = bpf.progLoad({ insns: encodeInsns([mov(0, verdict), exit]), license: 'GPL', name });
  if (!('fd' in loaded)) throw new Error(loaded.log);
  return loaded.fd;
}

describe.skipIf(opened === undefined)('a pin', () => {
  // The body runs where its tests are skipped, too.
  const bpf = opened?.bpf as Bpf;
  const folder = opened?.folder ?? '';

  it('keeps a map and its contents after the last descriptor is closed', () => {
    const path = join(folder, 'map');
    const fd = bpf.mapCreate({ type: 1, keySize: 4, valueSize: 4, maxEntries: 4 });
    const key = Uint8Array.of(1, 2, 3, 4);
    expect(bpf.mapUpdate(fd, key, Uint8Array.of(9, 9, 9, 9))).toBe(0);
    expect(bpf.pin(fd, path)).toBe(0);
    bpf.close(fd);
    const again = bpf.getPinned(path);
    expect(bpf.mapLookup(again, key, 4)).toEqual(Uint8Array.of(9, 9, 9, 9));
    bpf.close(again);
  });

  it('keeps a program, which still runs', () => {
    const path = join(folder, 'program');
    const fd = load(bpf, 3, 'pinned');
    expect(bpf.pin(fd, path)).toBe(0);
    bpf.close(fd);
    const again = bpf.getPinned(path);
    expect(bpf.testRun(again, { data: new Uint8Array(60) }).retval).toBe(3);
    expect(bpf.progInfo(again).name).toBe('pinned');
    bpf.close(again);
  });

  it('is not made where there is no BPF file system, or twice, and not found where there is none', () => {
    const fd = load(bpf, 2, 'nowhere');
    expect(bpf.pin(fd, '/tmp/jitnic-no-bpffs')).toBeLessThan(0);
    expect(bpf.pin(fd, join(folder, 'twice'))).toBe(0);
    expect(bpf.pin(fd, join(folder, 'twice'))).toBe(-17);
    expect(bpf.getPinned(join(folder, 'never'))).toBe(-2);
    bpf.close(fd);
  });
});

/** Runs a script in a new network namespace with interfaces `jn0` and `jn1`; its lines of output. */
function inNamespace(script: string): string[] {
  const shell = `ip link add name jn0 type veth peer name jn1 && ip link set jn0 up && ip link set jn1 up && exec "$0" --input-type=module -e "$1"`;
  const text = execFileSync('unshare', ['-n', 'sh', '-c', shell, process.execPath, script], { encoding: 'utf8' });
  return text.trim().split('\n');
}

const prelude = `
import { execFileSync } from 'node:child_process';
import { Bpf } from ${JSON.stringify(built)};
const bpf = Bpf.open();
const insns = (verdict) => Uint8Array.of(0xb7, 0, 0, 0, verdict, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
const load = (verdict) => bpf.progLoad({ insns: insns(verdict), license: 'GPL', name: 'linked' }).fd;
const index = (name) => Number(/^(\\d+):/.exec(execFileSync('ip', ['link', 'show', name], { encoding: 'utf8' }))[1]);
const attached = () => /xdp/.test(execFileSync('ip', ['link', 'show', 'jn0'], { encoding: 'utf8' }));
`;

describe.skipIf(opened === undefined || !existsSync(built) || !canMakeNamespaces())('a link', () => {
  it('holds a program on an interface as long as its descriptor is open', () => {
    const lines = inNamespace(`${prelude}
      const link = bpf.linkXdp(load(1), index('jn0'));
      console.log(link >= 0, attached());
      console.log(bpf.linkXdp(load(2), index('jn0')));
      bpf.close(link);
      await new Promise((done) => setTimeout(done, 200));
      console.log(attached());
      console.log(bpf.linkXdp(load(1), 9999));`);
    expect(lines).toEqual(['true true', '-16', 'false', '-22']);
  });

  it('drops the packets that it is told to drop', () => {
    const lines = inNamespace(`${prelude}
      execFileSync('ip', ['addr', 'add', '10.9.9.1/24', 'dev', 'jn1']);
      execFileSync('ip', ['neigh', 'add', '10.9.9.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'jn1']);
      const map = bpf.mapCreate({ type: 2, keySize: 4, valueSize: 8, maxEntries: 1 });
      const word = (...bytes) => bytes;
      const count = Uint8Array.of(
        ...word(0x18, 0x21, 0, 0, map & 0xff, map >> 8, 0, 0), ...word(0, 0, 0, 0, 0, 0, 0, 0), // r1 = the value
        ...word(0xb7, 2, 0, 0, 1, 0, 0, 0), ...word(0xdb, 0x21, 0, 0, 0, 0, 0, 0), // lock *(u64 *)r1 += 1
        ...word(0xb7, 0, 0, 0, 1, 0, 0, 0), ...word(0x95, 0, 0, 0, 0, 0, 0, 0));
      const program = bpf.progLoad({ insns: count, license: 'GPL', name: 'count' });
      bpf.linkXdp(program.fd, index('jn0'));
      const before = bpf.mapLookup(map, new Uint8Array(4), 8)[0];
      const { createSocket } = await import('node:dgram');
      const socket = createSocket('udp4');
      for (let i = 0; i < 5; i++) await new Promise((done) => socket.send('x', 9, '10.9.9.2', done));
      socket.close();
      await new Promise((done) => setTimeout(done, 100));
      console.log(bpf.mapLookup(map, new Uint8Array(4), 8)[0] - before >= 5);`);
    expect(lines).toEqual(['true']);
  });

  it('gives the interface and the queue to a test run that names them', () => {
    const lines = inNamespace(`${prelude}
      const ctx = new Uint8Array(24);
      const view = new DataView(ctx.buffer);
      view.setUint32(4, 60, true);
      view.setUint32(12, index('jn1'), true);
      // r0 = *(u32 *)(r1 + 12)
      const code = Uint8Array.of(0x61, 0x10, 12, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
      const { fd } = bpf.progLoad({ insns: code, license: 'GPL' });
      console.log(bpf.testRun(fd, { data: new Uint8Array(60), ctx }).retval === index('jn1'));
      view.setUint32(16, 99, true);
      console.log(bpf.testRun(fd, { data: new Uint8Array(60), ctx }).status);`);
    expect(lines).toEqual(['true', '-22']);
  });

  it('goes with its process, however that ends, and so do maps and programs', async () => {
    const script = `${prelude}
      bpf.linkXdp(load(1), index('jn0'));
      const map = bpf.mapCreate({ type: 1, keySize: 4, valueSize: 4, maxEntries: 4, name: 'orphan' });
      console.log('ready', attached());
      setInterval(() => {}, 1000);`;
    // A second process keeps the namespace alive and looks.
    const shell = `ip link add name jn0 type veth peer name jn1 && ip link set jn0 up && ip link set jn1 up
      "$0" --input-type=module -e "$1" & child=$!
      read go && ip link show jn0 | grep -c prog/xdp
      kill -9 $child; wait $child 2>/dev/null; sleep 0.5
      ip link show jn0 | grep -c prog/xdp; true`;
    const child = spawn('unshare', ['-n', 'sh', '-c', shell, process.execPath, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill());
    let text = '';
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text === 'ready true\n') child.stdin.write('go\n');
    }
    expect(text.trim().split('\n')).toEqual(['ready true', '1', '0']);
  });
});
