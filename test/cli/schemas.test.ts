/**
 * What each command prints under `--json` is what its schema in `schemas/` says: all keys, no others, of that kind.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { captureCli } from '../../src/cli/testing.js';
import { Route } from '../../src/linux/index.js';
import { encodeCapture, generateTraffic } from '../../src/packet/index.js';
import { type Daemon, startDaemon } from '../../src/server/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Those of what is printed; test-file.schema.json is of what is read. */
const files = readdirSync(`${root}schemas`).filter((file) => file.startsWith('jitnic.'));
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
const ids = files.map((file) => {
  const schema = JSON.parse(readFileSync(`${root}schemas/${file}`, 'utf8')) as { readonly $id: string };
  ajv.addSchema(schema);
  return schema.$id;
});

const example = (path: string): string => `${root}examples/${path}`;
const balancer = example('load-balancer/load-balancer.o');
const balancerMaps = ['--maps-in', example('load-balancer/load-balancer.maps.json')];
const nat = [example('nat/nat.o'), '-r', example('nat/traffic.pcap'), '--maps-in', example('nat/nat.maps.json')];
const bucket = [example('token-bucket/token-bucket.o'), '-r', example('token-bucket/traffic.pcap')];
/** Interfaces can be asked about. */
const hasNetlink = ((): boolean => {
  try {
    new Route().close();
    return true;
  } catch {
    return false;
  }
})();
const capture = example('tcp-conntrack/traffic.pcap');
const refused = '.section xdp\n.globl f\nf:\nr0 = *(u8 *)(r1 + 0)\nexit\n';
const unjudged = `.license "GPL"\n.section xdp\n.globl f\nf:\nr0 = 2\nexit\n.globl g\ng:\ncall bpf_local_irq_save\nr0 = 2\nexit\n.extern bpf_local_irq_save\n`;
const folder = mkdtempSync(`${tmpdir()}/jitnic-schemas-`);
const copy = `${folder}/ipv6-filter.o`;
copyFileSync(example('ipv6-filter/ipv6-filter.o'), copy);
/** Both versions of a program run each packet over several contents of maps. */
const few = `${folder}/few.pcap`;
writeFileSync(few, encodeCapture([...generateTraffic({ seed: 1, packets: 30 })]));
/** A daemon, for what only one has. */
const socket = `${folder}/socket`;
let daemon: Daemon;
beforeAll(async () => {
  daemon = await startDaemon({ state: `${folder}/state`, socket, sync: 'never', say: () => undefined });
});
/** An application of one small program. */
const place = `${folder}/place.yaml`;
writeFileSync(
  place,
  `name: small
elements: [{ name: nic, kind: card, card: nfp4000 }, { name: xdp, kind: xdp, cores: 2 }]
programs: { filter: { object: ipv6-filter.o } }
flow: []
objective: { kind: host-cores, rate: 1000000 }
traffic: { capture: ${example('ipv6-filter/traffic.pcap')}, count: 50 }
`,
);
const sum = '.section xdp\n.globl f\nf:\nr0 = 2\nexit\n';
const tailCall = `.section xdp\n.globl f\nf:\nr2 = jumps ll\nr3 = 1\ncall bpf_tail_call\nr0 = 2\nexit
.globl g\ng:\nr0 = 1\nexit\n.map jumps type=prog_array key=4 value=4 max_entries=2\n.slot 1, g\n`;

interface Case {
  readonly args: readonly string[];
  readonly stdin?: string;
}
const cases: readonly Case[] = [
  { args: ['run', ...nat, '-c', '60', '--maps', '--check'] },
  { args: ['run', ...nat, '-c', '60', '--engine', 'wasm'] },
  { args: ['run', ...bucket, '-c', '60', '--bypass', '--maps'] },
  { args: ['run', ...bucket, '-c', '60', '--card', 'pipeline', '--rate', '10Mpps'] },
  { args: ['run', ...bucket, '-c', '60', '--card', 'pipeline', '--coherence'] },
  { args: ['map', 'get', balancer] },
  { args: ['demo'] },
  { args: ['trace', ...nat, '-c', '60', '--dump', 'ir'] },
  { args: ['trace', ...bucket, '-c', '60', '--rules'] },
  { args: ['cache', ...nat, '-c', '60'] },
  { args: ['cache', ...nat, '-c', '60', '--bits', '64..1024*2', '--adaptive', '64..1024'] },
  { args: ['card', 'list'] },
  { args: ['card', 'show', 'nfp6000'] },
  { args: ['card', 'check', 'pipeline'] },
  { args: ['card', 'compile', example('heavy-hitter/heavy-hitter.o'), '--card', 'hxdp', '--print'] },
  { args: ['card', 'compile', example('ipv6-filter/ipv6-filter.o'), '--card', 'hxdp', '--lanes', '2', '--print'] },
  {
    args: [
      'explore',
      example('ipv6-filter/ipv6-filter.o'),
      '-r',
      example('ipv6-filter/traffic.pcap'),
      '-c',
      '50',
      '--jobs',
      '1',
      '--vary',
      'lanes=2|4',
    ],
  },
  { args: ['place', place, '--pieces', '1'] },
  { args: ['predict', ...nat, '-c', '60'] },
  { args: ['predict', example('ipv6-filter/ipv6-filter.o'), '--budget', '20', '--diff', copy] },
  { args: ['scr', 'analyze', `${root}test/scr/ddos.o`] },
  { args: ['scr', 'analyze', `${root}test/scr/scr-token-bucket.o`] },
  { args: ['scr', 'build', `${root}test/scr/ddos.o`, '--cores', '3', '-o', `${folder}/scr.o`] },
  { args: ['scr', 'history', capture, '--object', `${root}test/scr/ddos.o`, '--cores', '3', '-w', `${folder}/scr`] },
  { args: ['scr', 'history', capture, '--cores', '2', '-w', `${folder}/scr`, '--loss-recovery'] },
  { args: ['scr', 'advise', `${root}test/scr/ddos.o`, '-r', capture] },
  { args: ['live', 'attach', ...nat, '-c', '200', '--engine', 'interp'] },
  ...(hasNetlink
    ? [{ args: ['live', 'detach', 'lo'] }, { args: ['live', 'log', 'lo'] }, { args: ['live', 'top', 'lo'] }]
    : []),
  { args: ['scr', 'advise', example('ipv6-filter/ipv6-filter.o'), '-r', capture] },
  { args: ['show', balancer] },
  { args: ['show', example('port-knocking/port-knocking.o')] },
  { args: ['disasm', balancer, '-S'] },
  { args: ['verify', balancer] },
  { args: ['opt', example('ipv6-filter/ipv6-filter.o'), '--packets', '20', '--no-kernel-check'] },
  {
    args: [
      'opt',
      example('token-bucket/token-bucket.o'),
      '-r',
      few,
      '--packets',
      '20',
      '--no-kernel-check',
      '--effort',
      '0',
    ],
  },
  { args: ['verify', example('port-knocking/port-knocking.o'), '-v'] },
  { args: ['verify', '--language', 'assembler', '-', '-v'], stdin: refused },
  { args: ['verify', '--language', 'assembler', '-'], stdin: unjudged },
  { args: ['ir', example('nat/nat.o'), '--time-passes', '--print-after', 'all'] },
  { args: ['ir', example('ipv6-filter/ipv6-filter.o')] },
  { args: ['asm', '-', '-o', '/dev/null'], stdin: sum },
  { args: ['check', example('ipv6-filter/ipv6-filter.o'), '-c', '20', '--no-kernel'] },
  { args: ['check', example('ipv6-filter/ipv6-filter.o'), '-c', '20', '--no-kernel', '--updates'] },
  {
    args: [
      ...['bench', example('ipv6-filter/ipv6-filter.o'), '-r', example('ipv6-filter/traffic.pcap')],
      ...['--engine', 'interp,wasm', '--rounds', '1'],
    ],
  },
  { args: ['test', 'test/support/say.xdp.yaml', '--engine', 'interp', '--coverage'] },
  { args: ['test', 'test/support/wrong.xdp.yaml', '--engine', 'interp', '--engine', 'wasm'] },
  { args: ['test', '--init', copy] },
  { args: ['paths', example('ipv6-filter/ipv6-filter.o'), '--budget', '50'] },
  { args: ['run', example('ipv6-filter/ipv6-filter.o'), '-r', example('ipv6-filter/traffic.pcap'), '--coverage'] },
  { args: ['diff', example('ipv6-filter/ipv6-filter.o'), 'test/support/say.o', '--budget', '20'] },
  { args: ['gen', '-w', '/dev/null', '-c', '10'] },
  { args: ['prog', 'load', example('ipv6-filter/ipv6-filter.o'), 'pin'] },
  { args: ['prog', 'dump', 'jited', '-', 'opcodes'], stdin: sum },
  { args: ['prog', 'dump', 'xlated', '-'], stdin: sum },
  { args: ['prog', 'stages', '-', 'card', 'f', 'check', capture], stdin: tailCall },
  { args: ['net', 'show'] },
  { args: ['device', 'add', 'sim', 'netdevsim'] },
  { args: ['device', 'add', 'nic', 'hxdp', '--socket', socket] },
  { args: ['net', 'traffic', 'start', 't', 'file', few, 'dev', 'nicp0', '--socket', socket] },
  { args: ['feature', 'probe', 'dev', 'nicp0'] },
  { args: ['map', 'dump', balancer, ...balancerMaps] },
  { args: ['map', 'lookup', balancer, 'reals', 'key', '1', ...balancerMaps] },
  { args: ['map', 'lookup', balancer, 'reals', 'key', '9999', ...balancerMaps] },
  { args: ['conformance-plugin'], stdin: 'b7 00 00 00 02 00 00 00 95 00 00 00 00 00 00 00 ' },
  { args: ['show', 'there-is-no-such-file.o'] },
  { args: ['run', balancer, '--frob'] },
];

describe('JSON', () => {
  const seen = new Set<string>();

  test.each(cases.map((each) => [each.args.join(' ').replaceAll(root, ''), each] as const))(
    'jitnic %s',
    async (_, { args, stdin }) => {
      const { out } = await captureCli([...args, '--json'], stdin === undefined ? {} : { stdin });
      const document = JSON.parse(out) as { readonly schema: string };
      seen.add(document.schema);
      const validate = ajv.getSchema(document.schema);
      expect(validate, `a schema of ${document.schema}`).toBeDefined();
      validate?.(document);
      expect(validate?.errors ?? []).toEqual([]);
    },
  );

  afterAll(async () => {
    await daemon.stop();
    rmSync(folder, { recursive: true });
    // With a filter on the command line not all of them ran.
    const askable = ids.filter((id) => hasNetlink || !/live-(detach|log|top)/.test(id));
    if (seen.size > ids.length / 2) expect([...seen].sort()).toEqual(askable.sort());
  });

  test('is of a shape that has a file, in every command', () => {
    const folder = `${root}src/cli`;
    const named = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'commands.ts')
      .flatMap((name) => [...readFileSync(`${folder}/${name}`, 'utf8').matchAll(/'(jitnic\.[a-z-]+\/\d+)'/g)])
      .map(([, id]) => id ?? '');
    expect([...new Set(named)].filter((id) => !ids.includes(id))).toEqual([]);
  });
});

describe('files that are read', () => {
  const of = (name: string): ReturnType<Ajv2020['compile']> =>
    ajv.compile(JSON.parse(readFileSync(`${root}schemas/${name}.schema.json`, 'utf8')));
  const testFile = of('test-file');
  const mapFile = of('map-file');
  const all = ['examples', 'test/support'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map((file) => `${root}${folder}/${file}`),
  );

  test('test files are as their schema says, and mistakes are not', () => {
    const found = all.filter((file) => file.endsWith('.xdp.yaml'));
    expect(found.length).toBeGreaterThan(5);
    for (const file of found) {
      testFile(parse(readFileSync(file, 'utf8')));
      expect(testFile.errors ?? [], file).toEqual([]);
    }
    const base = { object: 'x.o', tests: [{ packet: 'eth', expect: 'DROP' }] };
    expect(testFile(base)).toBe(true);
    for (const wrong of [
      { ...base, objekt: 'x.o' },
      { object: 'x.o' },
      { ...base, tests: [{ packet: 'eth', expect: 'DORP' }] },
      { ...base, tests: [{ packet: 'eth', expects: 'DROP' }] },
    ])
      expect(testFile(wrong), JSON.stringify(wrong)).toBe(false);
  });

  test('map files are as their schema says, those that are written too', async () => {
    const found = all.filter((file) => file.endsWith('.maps.json'));
    expect(found.length).toBeGreaterThan(3);
    const written = `${tmpdir()}/jitnic-maps-${process.pid}.json`;
    await captureCli(['run', ...nat, '-c', '40', '--maps-out', written]);
    for (const file of [...found, written]) {
      mapFile(JSON.parse(readFileSync(file, 'utf8')));
      expect(mapFile.errors ?? [], file).toEqual([]);
    }
    rmSync(written);
    expect(mapFile({ maps: { flows: [{ kee: 1, value: 2 }] } })).toBe(false);
  });
});
