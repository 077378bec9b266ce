/** `jitnic place`: application files that are wrong say where, and constraints that exclude each other are named. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { captureCli } from '../../src/cli/testing.js';
import { buildPacket, encodeCapture } from '../../src/packet/index.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jitnic-place-'));
  const packets = Array.from({ length: 20 }, (_, i) => ({
    data: buildPacket('eth/ip/udp/zeros(20)'),
    time: BigInt(i),
  }));
  writeFileSync(join(folder, 'traffic.pcap'), encodeCapture(packets, { format: 'pcap' }));
  writeFileSync(join(folder, 'pass.s'), '.section xdp\np:\n  r0 = 2\n  exit\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const good = `name: small
elements:
  - { name: nic, kind: card }
  - { name: xdp, kind: xdp, cores: 2 }
  - { name: user, kind: user }
programs:
  first: { object: pass.s }
  server: { cost: 2us }
flow:
  - { from: first, to: server }
traffic: { capture: traffic.pcap }
`;

async function place(text: string, ...flags: readonly string[]): ReturnType<typeof captureCli> {
  const path = join(folder, 'app.yaml');
  writeFileSync(path, text);
  return captureCli(['place', path, ...flags]);
}

test('a server stays in user space and the program before it goes where it costs least', async () => {
  const { exitCode, out } = await place(good, '-j');
  expect(exitCode).toBe(0);
  const placed = JSON.parse(out) as { pieces: { name: string; element: string; share: number }[]; bottleneck: string };
  expect(placed.pieces.find(({ name }) => name === 'server')).toMatchObject({ element: 'user', share: 1 });
  expect(placed.bottleneck).toBe('user');
  const text = await place(good, '--explain');
  expect(text.out).toContain('not on nic: it is a process in user space');
});

test('constraints that exclude each other are named, and the exit code is 1', async () => {
  const { exitCode, out } = await place(
    `${good}pins:\n  - { program: first, on: user }\n  - { program: server, on: nic }\n`,
  );
  expect(exitCode).toBe(1);
  expect(out).toContain('server cannot run on nic');
  expect(out).toContain('program server is pinned to nic');
  expect(out).not.toContain('program first is pinned');
});

test.each([
  ['an element of no kind', good.replace('kind: xdp', 'kind: xpd'), 4, '`xpd` is none'],
  ['a field that there is none of', good.replace('cost: 2us', 'costs: 2us'), 8, 'no field `costs`'],
  ['a flow from nowhere', good.replace('from: first', 'from: last'), 10, '`last` is none'],
  ['packets that come back', good.replace('to: server', 'to: first'), 10, 'come back to it'],
  ['a pin to no element', `${good}pins:\n  - { program: first, on: moon }\n`, 13, '`moon` is none'],
  ['an objective without its rate', `${good}objective: { kind: latency }\n`, 12, 'needs a `rate`'],
  ['two elements of one name', good.replace('name: user', 'name: xdp'), 3, 'two elements are called `xdp`'],
  ['a capture that is not there', good.replace('traffic.pcap', 'none.pcap'), 11, 'none.pcap'],
  ['an object that is not there', good.replace('pass.s', 'none.o'), 7, 'none.o'],
  ['a time that is none', good.replace('2us', 'soon'), 8, 'no time'],
])('%s is told with its line', async (_, text, line, message) => {
  const { exitCode, err } = await place(text);
  expect([exitCode, err]).toEqual([3, expect.stringContaining(`app.yaml:${line}`)]);
  expect(err).toContain(message);
});

test('the examples are what the schema of application files says', () => {
  const schema = JSON.parse(readFileSync(`${root}schemas/app.schema.json`, 'utf8')) as object;
  const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
  for (const file of readdirSync(`${root}examples/apps`).filter((name) => name.endsWith('.yaml'))) {
    const isValid = validate(parse(readFileSync(`${root}examples/apps/${file}`, 'utf8')));
    expect([file, isValid, validate.errors]).toEqual([file, true, null]);
  }
  expect(validate(parse(good))).toBe(true);
});
