/** `jitnic test`: test files, what they say when something is wrong, and formats for others. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-test-'));
for (const name of ['say.o', 'maps.o']) copyFileSync(join('test/support', name), join(folder, name));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, `${name}.xdp.yaml`);
  writeFileSync(path, text);
  return path;
};
/** A test whose fourth line is to follow. */
const one = 'object: say.o\ntests:\n  - packet: eth\n';
const maps = 'object: maps.o\ntests:\n  - packet: eth/ip/udp(dport=1)\n';
const own = ['--engine', 'interp', '--engine', 'wasm', '--engine', 'trace'];
const wrong = file(
  'wrong',
  `object: say.o
tests:
  - name: passes
    packet: eth/ip(ttl=9)/udp/"x"*200
    expect:
      verdict: PASS
      packet: eth/ip(ttl=8)/udp/"x"*200
      fields: {udp.dport: 54}
      printed: [hi]
      records: {events: [{len: 9}]}
      globals: {seen: 2}
      instructions: 5
`,
);

describe('a test file', () => {
  it('can expect everything, on all of our engines alike', async () => {
    const { exitCode, out } = await captureCli(['test', 'test/support/say.xdp.yaml', ...own]);
    expect(out).toContain('3 tests in 1 file, 3 passed; engines: interp, wasm, trace');
    expect(exitCode).toBe(0);
  });

  it('can speak of maps of every type, of values by member and CPU, and of each kind of redirect', async () => {
    const { out, exitCode } = await captureCli(['test', 'test/support/maps.xdp.yaml']);
    expect(out).toContain('10 tests in 1 file, 10 passed; engines: interp, wasm, trace');
    expect(exitCode).toBe(0);
  });

  it('can say what is not there of what comes with a program, and engines and kernel agree', async () => {
    const jumps = `.license "GPL"
.map jumps type=prog_array key=4 value=4 max_entries=2
.map seen type=array key=4 value=8 max_entries=1
.section xdp
.globl main
main:
	r2 = jumps ll
	r3 = 0
	call bpf_tail_call
	r0 = 1
	exit
.section xdp
.globl other
other:
	r0 = 2
	exit
`;
    writeFileSync(join(folder, 'jumps.s'), jumps);
    writeFileSync(join(folder, 'jumps.json'), '{"maps": {"jumps": [{"key": 0, "value": "other"}]}}');
    writeFileSync(
      join(folder, 'gone.json'),
      '{"maps": {"jumps": [{"key": 0, "value": "other"}, {"key": 0, "absent": true}]}}',
    );
    const head = 'object: jumps.s\nprogram: main\nmaps-in: jumps.json\ntests:\n';
    const path = file(
      'jumps',
      `${head}  - { packet: eth/zeros(46), expect: PASS }
  - { empty: [jumps], packet: eth/zeros(46), expect: DROP }
  - { empty: jumps, maps: { jumps: [{ key: 0, value: other }] }, packet: eth/zeros(46), expect: PASS }
  - { maps: { jumps: [{ key: 0, absent: true }, { key: 1, absent: true }] }, packet: eth/zeros(46), expect: DROP }
  - { maps-in: gone.json, packet: eth/zeros(46), expect: DROP }
`,
    );
    const { out, exitCode } = await captureCli(['test', path]);
    expect(out).toContain('5 tests in 1 file, 5 passed; engines: interp, wasm, trace');
    expect(exitCode).toBe(0);
    const said = async (line: string): Promise<string> =>
      (await captureCli(['test', file('gone', `${head}  - packet: eth\n    ${line}\n    expect: DROP\n`)])).err;
    expect(await said('empty: [seen]')).toContain(
      'gone.xdp.yaml:6: map `seen` cannot be empty: elements of an array are always there',
    );
    expect(await said('empty: [jmps]')).toContain(
      'gone.xdp.yaml:6: there is no map `jmps`\nhint: did you mean `jumps`?',
    );
    expect(await said('maps: { jumps: [{ key: 0, absent: true, value: other }] }')).toContain(
      'an element that is absent has no value',
    );
    expect(await said('maps: { jumps: [{ key: 2, absent: true }] }')).toContain(
      'gone.xdp.yaml:6: map `jumps` has no element of this key',
    );
  });

  it('says which element of a map is not as expected', async () => {
    const path = file(
      'elements',
      `object: maps.o
tests:
  - packet: eth(src=02:00:00:00:00:07)/ip(src=10.0.0.9)/udp(dport=1)
    expect:
      verdict: DROP
      maps:
        flows: [{ key: 10.0.0.9, value: { packets: 1, from: 10.0.0.8, tag: ne } }]
        each: [{ key: 10.0.0.9, value: { mac: '02:00:00:00:00:08' } }]
        counts: [{ key: 0, cpu: 0, value: 2 }]
  - packet: eth/ip(ttl=9)/udp(dport=3)
    maps: { queue: [{ value: 1 }] }
    expect: { maps: { queue: [{ value: 9 }, { value: 1 }], stack: [] } }
`,
    );
    const { out, exitCode } = await captureCli(['test', path, ...own]);
    expect(exitCode).toBe(1);
    expect(out).toContain(
      'verdict is PASS, not DROP\n        decided at ./maps.bpf.c:37: switch (bpf_ntohs(udp->dest)) {',
    );
    expect(out).toContain(':7\n      `flows["10.0.0.9"].from` is 150994954, not "10.0.0.8"');
    expect(out).toContain('`flows["10.0.0.9"].tag` is "new", not "ne"');
    expect(out).toContain('`each["10.0.0.9"] on CPU 0.mac` is [2,0,0,0,0,7], not "02:00:00:00:00:08"');
    expect(out).toContain('`counts[0]` is [1], not [2]');
    expect(out).toContain('`queue[0]` is 1, not 9');
    expect(out).toContain('map `stack` has 1 element, not 0');
  });

  it('says what differs, field by field, with its line and the source line that decided', async () => {
    const { exitCode, out } = await captureCli(['test', wrong, ...own]);
    expect(exitCode).toBe(1);
    expect(out).toContain(`${wrong}:6\n      verdict is DROP, not PASS\n        decided at `);
    expect(out).toContain('if (len > limit)');
    expect(out).toContain('ip.ttl    8 -> 9');
    expect(out).toContain('`udp.dport` is 53, not 54');
    expect(out).toContain('it takes 74 instructions, more than 5 (interp)');
    expect(out).toContain('`seen` is 1, not 2');
    expect(out).toContain('`events[0].len` is 242, not 9');
  });

  it.each([
    [`${one}    expect: { redirect: -3 }`, 4, '`redirect`: an interface is no whole number from 0', ''],
    [
      `${maps}    expect: {maps: {flows: [{key: 1, value: {packts: 2}}]}}`,
      4,
      '`flows[1]` has no member `packts`',
      'did you mean',
    ],
    [`${one}    expect: { redirect: {} }`, 4, '`redirect` says nothing', 'fields are ifindex, map'],
    [
      'object: say.o\nrecord-types: { events: event }\ntests:\n  - packet: eth\n    expect: { records: { events: [{ lenn: 60 }] } }',
      5,
      '`events` has no member `lenn`',
      'did you mean `len`?',
    ],
    ['object: say.o\ntests:\n  - packets: []', 3, '`packets` names none', ''],
    [
      'object: say.o\ntests:\n  - { name: a, packet: eth }\n  - { name: a, packet: eth }',
      4,
      'there are two tests `a`',
      'in line 3',
    ],
    ['object: say.o\ntests:\n  - packet: eth/ip(ttl=1, ttl=2)', 3, '`ip` has `ttl` twice', ''],
    [
      'object: say.o\ntests:\n  - packet: eth/ip(src=fd00::1)',
      3,
      '`ip.src` is an IPv4 address: `fd00::1` is none',
      '10.0.0.1',
    ],
    ['object: say.o\ntests:\n  - packet: eth/ip/tcp(flags=SZ)', 3, '`tcp.flags`: `SZ` are no flags', 'FSRPAUEC'],
    ['object: say.o\n---\ntests: []', 2, 'a second document begins', 'a file is one'],
    ['objekt: say.o', 1, 'a test file has no field `objekt`', 'did you mean `object`?'],
    ['object: say.o\ntests:\n  - packet: eth/ipp', 3, 'there is no layer `ipp`', 'did you mean `ip`?'],
    ['object: say.o\ntests:\n  - packet: eth\n    expect: DORP', 4, 'there is no verdict `DORP`', '`DROP`?'],
    [
      'object: say.o\ntests:\n  - packet: eth\n    expect:\n      fields:\n        ip.tll: 3',
      6,
      'no field `tll`',
      '`ip.ttl`?',
    ],
    ['object: say.o\ntests:\n  - packet: eth\n    set: {limt: 3}', 4, 'no global variable `limt`', '`limit`?'],
    ['object: say.o\ntests:\n  - packet: eth\n    maps:\n      nothing: []', 5, 'no map `nothing`', 'events'],
    ['object: say.o\ntests:\n  - packet: {capture: x.pcap, filtre: udp}', 3, 'no field `filtre`', '`filter`?'],
    ['object: say.o\ntests:\n  - packet: eth\n    engines: [wsam]', 4, 'no engine `wsam`', '`wasm`?'],
    ['object: say.o\ntests:\n  - packet: eth\n    clock: soon', 4, 'is no time', '1.5ms'],
    ['object: say.o\ntests: [', 2, 'not YAML', ''],
    ['object: say.o\nverify: no\ntests: []', 2, '`verify` is neither true nor false', ''],
    ['object: nothing.o\ntests: []', 1, 'nothing.o: no such file', ''],
    ['object: say.o\nprogram: sya\ntests: []', 2, 'sya', 'say'],
    ['object: say.o\nrecord-types: {events: evnt}\ntests: []', 2, 'there is no type `evnt`', '`event`?'],
    [`${one}    maps-in: nothing.json`, 4, 'nothing.json: no such file', ''],
    [`${one}    packets: []`, 4, '`packet` and `packets` exclude each other', ''],
    ['object: say.o\ntests:\n  - packet: {packet: eth, metadata: 00 11}', 3, 'metadata of 2 bytes', 'a multiple of 4'],
    [`${one}    full: [evnts]`, 4, 'there is no map `evnts`', '`events`?'],
    [`${one}    full: [say.bss]`, 4, 'map `say.bss` cannot be made full: an array is never full', ''],
    [`${one}    engines: []`, 4, '`engines` names none', 'interp'],
    [`${one}    map-entries: {events: many}`, 4, 'the size of `events` is no whole number from 1', ''],
    [`${one}    map-entries: {evnts: 8}`, 4, 'there is no map `evnts`', '`events`?'],
    [`${one}    cpu: 2\n    cpus: 2`, 3, 'there is no CPU 2', ''],
    [`${one}    maps:\n      say.bsss: []`, 5, 'there is no map `say.bsss`', '`say.bss`?'],
    [`${one}    expect: {}`, 4, '`expect` says nothing', 'verdict'],
    [`${one}    expect:`, 4, 'no verdict is named', 'verdicts are'],
    [`${one}    expect: []`, 4, '`expect` names no verdict', ''],
    [`${one}    expect: {unchanged: false}`, 4, '`unchanged: false` says nothing', '`fields`'],
    [`${one}    expect: {unchanged: yes}`, 4, '`unchanged` is neither true nor false', ''],
    [`${one}    expect: {printed: ['/a(/']}`, 4, 'Invalid regular expression', ''],
    [
      `${one}    expect:\n      records: {say.bss: []}`,
      5,
      '`say.bss` is a array: there are no records in it',
      '`maps`',
    ],
    [`${one}    expect:\n      maps: {events: []}`, 5, 'elements of a ringbuf cannot be read', '`records`'],
    [`${one}    expect:\n      maps:\n        say.bss: [{key: 0, absent: no}]`, 6, '`absent` is neither true', ''],
    [`${one}    expect: {verdict: REDIRECT, redirect: {map: prf}}`, 4, 'there is no map `prf`', '`perf`?'],
    [`${maps}    maps: {flows: [{key: 1, value: {packts: 1}}]}`, 4, 'there is no member `packts`', '`packets`?'],
    [
      `${maps}    expect: {maps: {flows: [{key: 10.0.0.1, value: {packts: 1}}]}}`,
      4,
      'no member `packts`',
      '`packets`?',
    ],
    [`${maps}    expect: {maps: {queue: [{absent: true}]}}`, 4, 'elements of a queue have no keys', ''],
    [`${maps}    maps: {cpus: [{key: 1, value: 192}]}`, 4, 'refuses an entry with ENODEV', '`cpus`'],
    [`${one}    expect: {verdict: PASS, redirect: 3}`, 4, 'a packet that is PASS is not redirected', 'REDIRECT'],
    [`${one}    expect: {fields: {ip.ttl: 256}}`, 4, '`ip.ttl`: 256 does not fit', '0 to 255'],
    [`${one}    expect: {fields: {ip6.src: 10.0.0.1}}`, 4, '`ip6.src` has 16 bytes, not 4', ''],
    [`${one}    expect: {unchanged: true, packet: eth}`, 4, '`packet` and `unchanged` exclude each other', ''],
    [`${one}    expect: {verdicts: {PASS: 2}}`, 4, '`verdicts` counts 2 packets, and the test has 1', ''],
    [`${one}    expect: {maps: {say.bss: {size: 2}}}`, 4, 'map `say.bss` holds 1 element at most, not 2', ''],
    [`${one}    expect: {maps: {say.bss: [{key: 1}]}}`, 4, '`say.bss` has no element 1', '0 to 0'],
    [`${one}    expect: {maps: {say.bss: [{key: 0, absent: true}]}}`, 4, 'every element of `say.bss` is there', ''],
    [`${maps}    expect: {maps: {flows: [{key: 1, absent: true, value: 3}]}}`, 4, 'that is absent has no value', ''],
    [`${maps}    maps: {counts: [{key: 9, value: 1}]}`, 4, 'map `counts` refuses an entry with E2BIG', '0 to 1'],
    [`${maps}    maps: {counts: [{key: 0, cpu: 9, value: 1}]}`, 4, 'there is no CPU 9: they are 0 to 0', '`cpus`'],
    ['object: say.o\ndefine: [X=1]\ntests: []', 2, '`define` and `include` are about C', 'source: prog.bpf.c'],
    ['object: say.o\ntests:\n  - packet: eth/zeros(-1)', 3, '`zeros(-1)` says no number of bytes', 'zeros(46)'],
    ['object: say.o\ntests:\n  - name: none', 3, 'a test without a packet', 'packet: '],
  ])('that is impossible gets its line and what was meant (%#)', async (text, line, what, hint) => {
    const path = file('bad', text);
    const { exitCode, err } = await captureCli(['test', path]);
    expect(exitCode).toBe(3);
    expect(err).toContain(`${path}:${line}: `);
    expect(err).toContain(what);
    expect(err).toContain(hint);
  });

  it('may begin with maps that are full, on all of our engines alike', async () => {
    const path = file(
      'full',
      `object: say.o
tests:
  - packet: eth/ip/udp/zeros(200)
    full: [events]
    expect: { records: { events: [] } }
  - packet: eth/ip/udp/zeros(200)
    expect: { records: { events: [{ len: 242 }] } }
`,
    );
    const { exitCode, out } = await captureCli(['test', path, ...own]);
    expect(out).toContain('2 passed; engines: interp, wasm, trace');
    expect(exitCode).toBe(0);
  });

  it('names packets of captures by a filter, and entries of maps by members', async () => {
    await captureCli(['gen', '-w', join(folder, 'in.pcap'), '-c', '50', '--seed', '3']);
    const path = file(
      'capture',
      `object: say.o
set: {limit: 100}
tests:
  - name: DNS
    packets: [{capture: in.pcap, filter: "udp.dport == 53 and len > 100", count: 2}]
    expect: {verdict: DROP, globals: {seen: 2}}
  - name: nobody
    packet: {capture: in.pcap, filter: udp.dport == 1}
`,
    );
    const { out, err, exitCode } = await captureCli(['test', path, '--filter', 'dns', ...own]);
    expect(out + err).toContain('1 passed');
    expect(exitCode).toBe(0);
    const none = await captureCli(['test', path, '--filter', 'nobody']);
    expect(none.err).toContain(
      `${path}:8: no packet of in.pcap is meant\nhint: it has 50, of which the filter takes 0`,
    );
  });
});

describe('results for others', () => {
  it('are TAP, JUnit XML and JSON', async () => {
    const tap = await captureCli(['test', wrong, 'test/support/say.xdp.yaml', '--tap', ...own]);
    expect(tap.out).toContain('TAP version 14\n1..4\nnot ok 1 - ');
    expect(tap.out).toContain('ok 2 - test/support/say.xdp.yaml: short packets pass\n');
    const junit = await captureCli(['test', wrong, '--junit', '-', ...own]);
    expect(junit.out).toContain('<testsuites tests="1" failures="1" errors="0">');
    expect(junit.out).toContain('<failure type="verdict" message="verdict is DROP, not PASS (and 6 more)">');
    expect(junit.out.match(/<failure/g)).toHaveLength(1);
    expect(junit.out).toContain('`seen` is 1, not 2');
    const json = JSON.parse((await captureCli(['test', wrong, '-j', ...own])).out) as {
      schema: string;
      failed: number;
      results: { failures: { kind: string; decided: { text: string } }[] }[];
    };
    expect(json).toMatchObject({ schema: 'jitnic.test/1', failed: 1 });
    expect(json.results[0]?.failures[0]).toMatchObject({ kind: 'verdict', decided: { text: 'if (len > limit) {' } });
  });

  it('have files that could not be run among them, with one file as with several', async () => {
    const none = file('none', 'object: say.o\ntests: []\nfoo: 1\n');
    const message = `${none}:3: a test file has no field \`foo\``;
    const tap = await captureCli(['test', none, wrong, '--tap', ...own]);
    expect(tap.exitCode).toBe(3);
    expect(tap.out).toContain('1..2\n');
    expect(tap.out).toContain(`not ok 2 - ${none}: could not be run\n  ---\n  - kind: error\n    message: "${message}`);
    const junit = await captureCli(['test', none, '--junit', '-', ...own]);
    expect(junit.exitCode).toBe(3);
    expect(junit.out).toContain('<testsuites tests="1" failures="0" errors="1">');
    expect(junit.out).toContain(`<error type="input" message="${message}`);
    const json = await captureCli(['test', none, wrong, '-j', ...own]);
    expect(JSON.parse(json.out)).toMatchObject({ failed: 1, errors: [{ file: none }] });
  });

  it('say where there are no test files, and which flags exclude each other', async () => {
    const empty = await captureCli(['test', 'src/base']);
    expect(empty.err).toContain('jitnic test --init prog.o writes a first one');
    expect((await captureCli(['test', wrong, '--tap', '-j'])).exitCode).toBe(2);
    expect((await captureCli(['test', wrong, '--engine', 'kernal'])).err).toContain('did you mean `kernel`?');
    expect((await captureCli(['test', wrong, '--filter', 'zzz'])).err).toContain('no test is called so');
  });
});

const compiles = ['clang', 'clang-19', 'clang-16', 'clang-14'].some(
  (name) => spawnSync(name, ['--version']).status === 0,
);

describe('many test files', () => {
  it('are shared out over processes, and reported in their order', () => {
    const files = ['test/support/say.xdp.yaml', 'examples/ipv6-filter/ipv6-filter.xdp.yaml', wrong];
    const run = (...more: string[]): { status: number | null; stdout: string } =>
      spawnSync(process.execPath, ['dist/cli/main.js', 'test', ...files, '--engine', 'interp', '--tap', ...more], {
        encoding: 'utf8',
      });
    const [one, two] = [run(), run('--jobs', '2')];
    expect(two.status).toBe(1);
    expect(two.stdout).toBe(one.stdout);
    expect(two.stdout).toMatch(/^1\.\.8$/m);
  });

  it.skipIf(!compiles)(
    `are compiled with the macros that are given${compiles ? '' : ' (skipped: there is no clang)'}`,
    () => {
      const files: string[] = [];
      const run = (...more: string[]): { status: number | null; stdout: string } =>
        spawnSync(process.execPath, ['dist/cli/main.js', 'test', ...files, '--engine', 'interp', '--tap', ...more], {
          encoding: 'utf8',
        });
      const [source = '', copy = ''] = ['source', 'copy'].map((name) =>
        file(name, 'source: macro.c\ntests:\n  - packet: eth\n    expect: DROP\n'),
      );
      writeFileSync(
        join(folder, 'macro.c'),
        '__attribute__((section("xdp"), used)) int f(void *ctx) { return VERDICT; }\nchar l[] __attribute__((section("license"), used)) = "GPL";\n',
      );
      files.push(source, copy);
      expect(run('--jobs', '2', '-D', 'VERDICT=1').stdout).toContain(`ok 2 - ${copy}: test 1`);
      const wrongly = run('--jobs', '2');
      expect(wrongly.stdout).toContain(`not ok 2 - ${copy}: could not be run`);
      expect(wrongly.status).toBe(3);
    },
  );
});
