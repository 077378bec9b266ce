/** Values marked "measured" are what Linux 6.18 (x86-64) answered in BPF_PROG_TEST_RUN to the same calls. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../object/index.js';
import { kfuncNumber, nfConnAt } from '../../platform/index.js';
import { FibTable } from '../fib.js';
import { Machine, type MachineOptions } from '../machine.js';
import { privateState } from '../private-state.js';
import { SocketTable } from '../sockets.js';
import { buffer, callHelper, mapSpec, objectSpec } from '../testing.js';

function machineWith(options: MachineOptions = {}, maps: readonly Parameters<typeof mapSpec>[] = []): Machine {
  const machine = new Machine(
    objectSpec(
      [],
      maps.map((args) => mapSpec(...args)),
    ),
    options,
  );
  machine.setPacket({ data: new Uint8Array(64), ingressIfindex: 1, now: 10_000_000_000n });
  return machine;
}

const words = (...values: readonly number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const text = (s: string): Uint8Array => Uint8Array.from(`${s}\0`, (c) => c.charCodeAt(0));

describe('bpf_csum_diff', () => {
  const a = words(0x12345678, 0x9abcdef0, 0xffffffff, 1);
  const b = words(0xdeadbeef, 2, 3, 0xfffffffe);
  const z = words(0, 0);
  const cases: readonly [Uint8Array | undefined, number, Uint8Array | undefined, number, number, number][] = [
    [a, 16, b, 16, 0, 47942],
    [a, 16, b, 8, 77, 48017],
    [undefined, 0, b, 16, 0xffffffff, 40353],
    [a, 16, undefined, 0, 0, 7589],
    [a, 16, a, 16, 0, 65535],
    [a, 16, undefined, 0, 0x10000, 7590],
    [undefined, 0, undefined, 0, 0x12345, 9030],
    [undefined, 0, z, 8, 0, 0],
    [z, 8, undefined, 0, 0, 0],
    [z, 8, z, 4, 0, 65535],
    [a, 6, undefined, 0, 0, -22],
  ];
  it.each(cases)('case %# as measured', (from, fromSize, to, toSize, seed, expected) => {
    const machine = machineWith();
    const at = (bytes: Uint8Array | undefined): number => (bytes === undefined ? 0 : buffer(machine, bytes));
    expect(callHelper(machine, 28, [at(from), fromSize, at(to), toSize, seed])).toBe(BigInt(expected));
  });
});

describe('bpf_loop and bpf_for_each_map_elem', () => {
  it('count their calls and stop when told (measured)', () => {
    const machine = machineWith();
    const stopAt5 = (i: bigint): bigint => (i === 5n ? 1n : 0n);
    const run = (count: number, flags = 0): number => Number(callHelper(machine, 181, [count, 0, 0, flags], stopAt5));
    expect([run(10), run(3), run(10, 1), run(9 << 20), run(0)]).toEqual([6, 3, -22, 0xfffffff9, 0]);
  });

  it('visit every element of an array in order', () => {
    const machine = machineWith({}, [['counts', 'array']]);
    const keys: number[] = [];
    const visited = callHelper(machine, 164, [machine.maps[0]?.handle ?? 0, 0, 0, 0], (_map, key) => {
      keys.push(machine.memory.load32(Number(key)));
      return 0n;
    });
    expect([visited, keys]).toEqual([4n, [0, 1, 2, 3]]);
  });
});

describe('an iterator of numbers', () => {
  it('gives each up to the end, and is empty where there is none', () => {
    const machine = machineWith();
    const iterator = buffer(machine, 8);
    const call = (name: string, args: readonly number[]): number =>
      Number(callHelper(machine, kfuncNumber(name) ?? 0, args));
    const numbers = (start: number, end: number): readonly number[] => {
      expect(call('bpf_iter_num_new', [iterator, start, end])).toBe(0);
      const found: number[] = [];
      for (let at = 1; at !== 0 && found.length < 9; ) {
        at = call('bpf_iter_num_next', [iterator]);
        if (at !== 0) found.push(machine.memory.load32(at) | 0);
      }
      return found;
    };
    expect([numbers(3, 6), numbers(-1, 2), numbers(4, 4)]).toEqual([[3, 4, 5], [-1, 0, 1], []]);
    expect(call('bpf_iter_num_new', [iterator, 5, 4])).toBe(-22);
  });
});

describe('bpf_strncmp', () => {
  it.each([
    ['abcdef\0x', 8, 'abcdef', 0],
    ['abcdef\0x', 8, 'abcdeg', -1],
    ['abcdef\0x', 8, 'abc', 1],
    ['abcdef', 3, 'abcdef', 0],
  ])('%j of %i bytes against %j (measured)', (left, size, right, expected) => {
    const machine = machineWith();
    const result = callHelper(machine, 182, [buffer(machine, text(left)), size, buffer(machine, text(right))]);
    expect(result).toBe(BigInt(expected));
  });
});

describe('formatted text', () => {
  it('is as Linux prints it (measured)', () => {
    const machine = machineWith();
    const args = [-5n, 42n, 42n, -42n, 0x1ffn, 0x123456789abn, -1n, 0n, 0x7an, 0xbeefn, 7n, -1n];
    const data = buffer(machine, new Uint8Array(BigInt64Array.from(args).buffer));
    const format = buffer(machine, text('%d|%5d|%-5d|%05d|%x|%lx|%llu|%s|%c|%08x|%+d|%u'));
    const out = buffer(machine, 128);
    expect(callHelper(machine, 165, [out, 128, format, data, 96])).toBe(84n);
    const expected = '-5|   42|42   |-0042|1ff|123456789ab|18446744073709551615||z|0000beef|+7|4294967295';
    expect(machine.memory.read(out, 84)).toEqual(text(expected));
    expect(callHelper(machine, 165, [out, 4, buffer(machine, text('%d %d')), data, 16])).toBe(6n);
    expect(machine.memory.read(out, 4)).toEqual(text('-5 '));
  });

  it('takes twelve arguments at most', () => {
    const machine = machineWith();
    const data = buffer(machine, 104);
    const print = (size: number): bigint => callHelper(machine, 165, [0, 0, buffer(machine, text('%d')), data, size]);
    expect([print(96), print(104)]).toEqual([2n, -22n]);
  });

  it('holds strings of the program, and nothing for a pointer that cannot be read', () => {
    const machine = machineWith();
    const args = BigInt64Array.of(BigInt(buffer(machine, text('hey'))), 77n);
    const data = buffer(machine, new Uint8Array(args.buffer));
    const out = buffer(machine, 16);
    expect(callHelper(machine, 165, [out, 16, buffer(machine, text('%5s|%s')), data, 16])).toBe(7n);
    expect(machine.memory.read(out, 7)).toEqual(text('  hey|'));
  });

  it('shows addresses', () => {
    const machine = machineWith();
    const ip = BigInt(buffer(machine, words(0x12345678, 0x9abcdef0, 0xffffffff, 1)));
    const data = buffer(machine, new Uint8Array(BigInt64Array.from([ip, ip, ip, 5n]).buffer));
    const out = buffer(machine, 128);
    expect(callHelper(machine, 165, [out, 128, buffer(machine, text('%pI4 %pi4 %pI6 %3d%%')), data, 32])).toBe(74n);
    const expected = '120.86.52.18 120.086.052.018 7856:3412:f0de:bc9a:ffff:ffff:0100:0000   5%';
    expect(machine.memory.read(out, 74)).toEqual(text(expected));
  });

  it('is refused for what Linux does not know', () => {
    const machine = machineWith();
    const print = (format: string): bigint =>
      callHelper(machine, 6, [buffer(machine, text(format)), format.length + 1, 1, 2, 3]);
    expect(print('x %d %s\n')).toBe(5n);
    expect([print('%f'), print('%d %d %d %d'), print('%sx'), print('\x01')]).toEqual([-22n, -22n, -22n, -22n]);
    expect(machine.outputs).toEqual([{ kind: 'printk', text: 'x 1 \n' }]);
  });
});

describe('perf events and ring buffers', () => {
  it('append packet bytes to a perf event, and check the flags (measured)', () => {
    const machine = machineWith({}, [['events', 'perf_event_array']]);
    const data = buffer(machine, Uint8Array.of(1, 2, 3, 4));
    const output = (flags: bigint): number =>
      Number(callHelper(machine, 25, [machine.lane.ctx.start, machine.maps[0]?.handle ?? 0, flags, data, 4]));
    expect([output(77n), output(65n << 32n), output(1n << 52n)]).toEqual([-7, -14, -22]);
    expect(output(0xffffffffn | (2n << 32n))).toBe(0);
    expect(machine.outputs).toEqual([{ kind: 'perf', map: 'events', index: 0, data: Uint8Array.of(1, 2, 3, 4, 0, 0) }]);
  });

  it('hand records of a ring buffer to the consumer, and roll them back', () => {
    const machine = machineWith({}, [['rb', 'ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 }]]);
    const handle = machine.maps[0]?.handle ?? 0;
    const data = buffer(machine, Uint8Array.of(5, 6));
    machine.transaction.begin();
    callHelper(machine, 130, [handle, data, 2, 0]);
    machine.transaction.rollback();
    expect(machine.outputs).toEqual([]);
    const record = Number(callHelper(machine, 131, [handle, 8, 0]));
    machine.memory.store8(record, 9);
    callHelper(machine, 132, [record, 0]);
    expect(machine.outputs).toEqual([{ kind: 'ringbuf', map: 'rb', data: Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0) }]);
    expect(() => callHelper(machine, 132, [data, 0])).toThrow('helper');
  });
});

describe('time, randomness and place', () => {
  it('come from the packet and the options', () => {
    const machine = machineWith({ hz: 250, seed: 42n });
    expect(callHelper(machine, 5, [])).toBe(10_000_000_000n);
    expect(callHelper(machine, 118, [])).toBe((1n << 32n) - 75_000n + 2500n);
    machine.setPacket({ data: new Uint8Array(14), now: 1_234_567_890n, cpu: 0 });
    expect(callHelper(machine, 160, [])).toBe(1_232_000_000n);
    const again = machineWith({ seed: 42n });
    expect(callHelper(machine, 7, [])).toBe(callHelper(again, 7, []));
  });
});

describe('bpf_check_mtu', () => {
  it('knows the loopback device without a table (measured)', () => {
    const machine = machineWith();
    const mtu = buffer(machine, 4);
    const check = (ifindex: number, given: number, diff: number, flags: number): [number, number] => {
      machine.memory.store32(mtu, given);
      const result = callHelper(machine, 163, [machine.lane.ctx.start, ifindex, mtu, diff, flags]);
      return [Number(result), machine.memory.load32(mtu)];
    };
    expect(check(0, 0, 0, 0)).toEqual([0, 65536]);
    expect(check(99, 5, 0, 0)).toEqual([-19, 5]);
    expect(check(0, 1, 0, 1)).toEqual([-22, 1]);
    expect(check(1, 65537, 0, 0)).toEqual([1, 65536]);
    expect(check(1, 65536, 0, 0)).toEqual([0, 65536]);
    expect(check(1, 65536, 1, 0)).toEqual([1, 65536]);
  });
});

describe('bpf_fib_lookup', () => {
  const fib = FibTable.parse({
    interfaces: [
      { ifindex: 2, mac: '02:00:00:00:00:02', addresses: ['10.0.0.254'] },
      { ifindex: 3, mac: '02:00:00:00:00:03', mtu: 1400 },
      { ifindex: 4, forwarding: false },
    ],
    routes: [
      { prefix: '10.0.0.0/8', dev: 2, metric: 100 },
      { prefix: '10.1.0.0/16', dev: 3, via: '10.9.9.9' },
      { prefix: '10.2.0.0/16', type: 'blackhole' },
      { prefix: '10.3.0.0/16', type: 'prohibit' },
      { prefix: '10.4.0.0/16', type: 'unreachable' },
      { prefix: '10.0.0.254/32', type: 'local', dev: 2, table: 255 },
      { prefix: '10.7.0.0/16', dev: 3, table: 100, via: '10.9.9.9' },
      { prefix: '2001:db8::/32', dev: 3, via: 'fe80::1' },
    ],
    neighbours: [
      { ip: '10.9.9.9', dev: 3, mac: '02:00:00:00:99:99' },
      { ip: 'fe80::1', dev: 3, mac: '02:00:00:00:66:66' },
    ],
  });

  function lookup(
    destination: readonly number[],
    flags = 0,
    more: { ifindex?: number; length?: number; table?: number } = {},
  ) {
    const machine = machineWith({ fib });
    const params = new Uint8Array(64);
    const view = new DataView(params.buffer);
    params[0] = destination.length === 4 ? 2 : 10;
    view.setUint16(6, more.length ?? 0, true);
    view.setUint32(8, more.ifindex ?? 2, true);
    params.set(destination, 32);
    view.setUint32(48, more.table ?? 0, true);
    const at = buffer(machine, params);
    const code = Number(callHelper(machine, 69, [machine.lane.ctx.start, at, 64, flags]));
    const { memory } = machine;
    return {
      code,
      ifindex: memory.load32(at + 8),
      metric: memory.load32(at + 12),
      mtu: memory.load16(at + 6),
      src: [...memory.read(at + 16, 4)],
      dst: [...memory.read(at + 32, 4)],
      smac: [...memory.read(at + 52, 6)],
      dmac: [...memory.read(at + 58, 6)],
    };
  }

  it('answers without a table as Linux does on a bare host (measured)', () => {
    const machine = machineWith();
    const run = (family: number, ifindex: number, size: number, flags: number, first = 0): number => {
      const params = new Uint8Array(64);
      params[0] = family;
      params[8] = ifindex;
      new DataView(params.buffer).setUint16(32, first, false);
      return Number(callHelper(machine, 69, [machine.lane.ctx.start, buffer(machine, params), size, flags]));
    };
    expect([run(2, 1, 64, 0), run(2, 99, 64, 0), run(2, 99, 63, 0), run(3, 99, 64, 0)]).toEqual([5, -19, -22, -97]);
    expect([run(3, 99, 64, 64), run(10, 99, 64, 0), run(10, 99, 64, 0, 0xfe80)]).toEqual([-22, -19, 4]);
  });

  it('fills in next hop, interface, metric, MTU and both MAC addresses', () => {
    const result = lookup([10, 1, 2, 3]);
    expect(result).toMatchObject({ code: 0, ifindex: 3, metric: 0, mtu: 1400, dst: [10, 9, 9, 9] });
    expect(result.dmac).toEqual([2, 0, 0, 0, 0x99, 0x99]);
    expect(result.smac).toEqual([2, 0, 0, 0, 0, 3]);
  });

  it('distinguishes the ways in which a packet cannot be forwarded', () => {
    expect(lookup([10, 2, 0, 1]).code).toBe(1);
    expect(lookup([10, 4, 0, 1]).code).toBe(2);
    expect(lookup([10, 3, 0, 1]).code).toBe(3);
    expect(lookup([11, 0, 0, 1]).code).toBe(4);
    expect(lookup([10, 0, 0, 254]).code).toBe(4);
    expect(lookup([10, 1, 0, 1], 0, { ifindex: 4 }).code).toBe(5);
    expect(lookup([10, 5, 0, 1])).toMatchObject({ code: 7, ifindex: 2, metric: 100 });
    expect(lookup([10, 1, 0, 1], 0, { length: 1401 })).toMatchObject({ code: 8, mtu: 1400, ifindex: 2 });
  });

  it('obeys its flags', () => {
    expect(lookup([10, 5, 0, 1], 4)).toMatchObject({ code: 0, dmac: [0, 0, 0, 0, 0, 0], mtu: 1500 });
    expect(lookup([10, 5, 0, 1], 4 | 16).src).toEqual([10, 0, 0, 254]);
    expect(lookup([10, 0, 0, 254], 1 | 4).code).toBe(0);
    expect(lookup([10, 7, 0, 1], 1 | 8, { table: 100 })).toMatchObject({ code: 0, ifindex: 3 });
    expect(lookup([10, 7, 0, 1], 1 | 8, { table: 101 }).code).toBe(4);
    expect(lookup([10, 1, 0, 1], 2 | 4)).toMatchObject({ code: 0, ifindex: 2, metric: 100 });
    const v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    expect(lookup(v6)).toMatchObject({ code: 0, metric: 1024, dmac: [2, 0, 0, 0, 0x66, 0x66] });
  });

  it('names what is wrong in a table', () => {
    expect(() => FibTable.parse({ routes: [{ prefix: '10.0.0.0/33', dev: 1 }] })).toThrow('routes[0]: `prefix`');
    expect(() => FibTable.parse({ route: [] })).toThrow('`route` is no field');
  });
});

describe('sockets', () => {
  const sockets = SocketTable.parse({
    syncookies: 2,
    sockets: [
      { proto: 'tcp', local_port: 80 },
      { proto: 'tcp', local_ip: '10.0.0.1', local_port: 80, remote_ip: '10.0.0.2', remote_port: 1000 },
      { proto: 'udp', local_ip: '::', local_port: 53 },
      {
        proto: 'tcp',
        local_ip: '10.0.0.1',
        local_port: 81,
        remote_ip: '10.0.0.2',
        remote_port: 1000,
        state: 'time_wait',
      },
    ],
  });
  const tuple = (source: number, destination: number): Uint8Array =>
    Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1, source >> 8, source & 255, destination >> 8, destination & 255);

  it('are found, read and released', () => {
    const machine = machineWith({ sockets });
    const find = (id: number, source: number, destination: number): number =>
      Number(callHelper(machine, id, [machine.lane.ctx.start, buffer(machine, tuple(source, destination)), 12, -1, 0]));
    const connected = find(84, 1000, 80);
    const listener = find(84, 1001, 80);
    expect(machine.memory.load32(connected + 72)).toBe(1);
    expect(machine.memory.load32(listener + 72)).toBe(10);
    expect(machine.memory.load32(connected + 44)).toBe(80);
    expect(machine.memory.canWrite(connected, 4)).toBe(false);
    expect(find(84, 1000, 443)).toBe(0);
    expect(find(85, 4, 53)).not.toBe(0);
    expect([find(84, 1000, 81), find(99, 1000, 81) !== 0]).toEqual([0, true]);
    for (const socket of [connected, listener, listener, listener]) callHelper(machine, 86, [socket]);
    expect(() => callHelper(machine, 86, [listener])).toThrow('helper');
  });

  it('exchange SYN cookies', () => {
    const machine = machineWith({ sockets });
    const listener = callHelper(machine, 84, [machine.lane.ctx.start, buffer(machine, tuple(1001, 80)), 12, -1, 0]);
    const ip = buffer(machine, Uint8Array.of(0x45, 0, 0, 44, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1));
    const syn = Uint8Array.of(3, 0xe9, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4);
    const made = callHelper(machine, 110, [listener, ip, 20, buffer(machine, syn), 24]);
    expect(made >> 32n).toBe(1460n);
    expect(callHelper(machine, 204, [ip, buffer(machine, syn), 24])).toBe(made);
    const ack = syn.slice(0, 20);
    new DataView(ack.buffer).setUint32(4, 10);
    new DataView(ack.buffer).setUint32(8, Number(made & 0xffffffffn) + 1);
    ack[12] = 0x50;
    ack[13] = 0x10;
    const at = buffer(machine, ack);
    expect(callHelper(machine, 100, [listener, ip, 20, at, 20])).toBe(0n);
    expect(callHelper(machine, 206, [ip, at])).toBe(0n);
    machine.memory.store8(at + 11, machine.memory.load8(at + 11) ^ 0x80);
    expect(callHelper(machine, 100, [listener, ip, 20, at, 20])).toBe(-2n);
    expect(callHelper(machine, 206, [ip, at])).toBe(-13n);
  });
});

describe('numbers in text', () => {
  it.each([
    [105, ' -42x', 10, 4, -42n],
    [105, '0x1f', 0, 4, 31n],
    [105, '017', 0, 3, 15n],
    [105, '9223372036854775808', 10, -34, 0n],
    [105, '-9223372036854775808', 10, 20, -(2n ** 63n)],
    [106, '18446744073709551615', 10, 20, -1n],
    [106, '18446744073709551616', 10, -34, 0n],
    [106, '-1', 10, -22, 0n],
    [106, 'x', 10, -22, 0n],
    [106, '1', 7, -22, 0n],
  ])('helper %i reads %j in base %i', (id, source, base, result, value) => {
    const machine = machineWith();
    const to = buffer(machine, 8);
    const bytes = text(source);
    expect(callHelper(machine, id, [buffer(machine, bytes), bytes.length - 1, base, to])).toBe(BigInt(result));
    expect(BigInt.asIntN(64, machine.memory.load64(to))).toBe(value);
  });
});

describe('dynptrs', () => {
  it('read, write and point within their memory', () => {
    const machine = machineWith();
    const data = buffer(machine, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const ptr = buffer(machine, 16);
    const out = buffer(machine, 4);
    expect(callHelper(machine, 197, [data, 8, 0, ptr])).toBe(0n);
    expect(callHelper(machine, 201, [out, 4, ptr, 2, 0])).toBe(0n);
    expect(machine.memory.read(out, 4)).toEqual(Uint8Array.of(3, 4, 5, 6));
    expect(callHelper(machine, 201, [out, 4, ptr, 5, 0])).toBe(-7n);
    expect(callHelper(machine, 202, [ptr, 6, out, 2, 0])).toBe(0n);
    expect(machine.memory.read(data, 8)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 3, 4));
    expect(callHelper(machine, 203, [ptr, 4, 4])).toBe(BigInt(data + 4));
    expect(callHelper(machine, 203, [ptr, 5, 4])).toBe(0n);
  });

  it('of a reserved record are filled by copies and put out', () => {
    const machine = machineWith({}, [['rb', 'ringbuf', { keySize: 0, valueSize: 0, maxEntries: 4096 }]]);
    const [record, from] = [buffer(machine, 16), buffer(machine, 16)];
    const data = buffer(machine, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const change = (name: string, args: readonly number[]): bigint => callHelper(machine, kfuncNumber(name) ?? 0, args);
    expect(callHelper(machine, 198, [machine.maps[0]?.handle ?? 0, 8, 0, record])).toBe(0n);
    expect(callHelper(machine, 197, [data, 8, 0, from])).toBe(0n);
    expect(change('bpf_dynptr_copy', [record, 2, from, 1, 4])).toBe(0n);
    expect(change('bpf_dynptr_memset', [record, 7, 1, 9])).toBe(0n);
    callHelper(machine, 199, [record, 0]);
    expect(machine.outputs).toEqual([{ kind: 'ringbuf', map: 'rb', data: Uint8Array.of(0, 0, 2, 3, 4, 5, 0, 9) }]);
    expect(() => callHelper(machine, 198, [machine.lane.ctx.start, 8, 0, record])).toThrow('helper');
  });

  it('cannot be forged', () => {
    const machine = machineWith();
    const forged = buffer(machine, 16);
    machine.memory.store32(forged, machine.lane.state);
    machine.memory.store32(forged + 8, 8);
    expect(() => callHelper(machine, 202, [forged, 0, buffer(machine, 8), 8, 0])).toThrow('helper');
  });
});

describe('connections', () => {
  it('live as long as they are told, in jiffies, rounded up; with a negative number as long as there is', () => {
    const object = assemble(
      '.license "GPL"\n.extern bpf_xdp_ct_alloc\n.section xdp\n.globl p\np:\ncall bpf_xdp_ct_alloc\nr0 = 0\nexit\n',
    );
    const machine = new Machine(object, { hz: 250 });
    machine.setPacket({ data: new Uint8Array(64) });
    const call = (name: string, args: readonly number[]): number =>
      Number(callHelper(machine, kfuncNumber(name) ?? 0, args));
    const tuple = buffer(machine, Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1, 1, 2, 3, 4));
    const options = buffer(machine, Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0));
    const connection = call('bpf_xdp_ct_alloc', [machine.lane.ctx.start, tuple, 12, options, 16]);
    const jiffies = [0, 1, 5000, -1].map((milliseconds) => {
      call('bpf_ct_set_timeout', [connection, milliseconds]);
      return machine.memory.load32(connection + nfConnAt.timeout);
    });
    expect(jiffies).toEqual([0, 1, 1250, 0x7fff_ffff]);
  });

  it('say why there is none, and are not given back by who holds none', () => {
    const object = assemble(
      '.license "GPL"\n.extern bpf_xdp_ct_lookup\n.section xdp\n.globl p\np:\ncall bpf_xdp_ct_lookup\nr0 = 0\nexit\n',
    );
    const machine = new Machine(object);
    machine.setPacket({ data: new Uint8Array(64) });
    const tuple = buffer(machine, Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1, 1, 2, 3, 4));
    const options = buffer(machine, Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0));
    const lookup = kfuncNumber('bpf_xdp_ct_lookup') ?? 0;
    expect(callHelper(machine, lookup, [machine.lane.ctx.start, tuple, 12, options, 16])).toBe(0n);
    expect(machine.memory.load32(options + 4) | 0).toBe(-2);
    expect(machine.memory.load32(machine.lane.state + privateState.references)).toBe(0);
  });
});
