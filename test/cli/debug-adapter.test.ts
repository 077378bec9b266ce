/** `jitnic debug --dap` with the protocol's own test client: what an editor does, in the order in which it does it. */
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.js';

const object = resolve('examples/firewall/firewall.o');
const source = resolve('examples/firewall/firewall.bpf.c');
const launch = {
  program: object,
  read: resolve('examples/firewall/traffic.pcap'),
  mapsIn: resolve('examples/firewall/firewall.maps.json'),
  packet: 2,
};

/** Line of the source that has this text, and of those that have, the first. */
function lineOf(text: string): number {
  return (
    readFileSync(source, 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1
  );
}

let server: Server;
const codes: Promise<number>[] = [];

beforeAll(async () => {
  server = createServer((socket: Socket) => {
    codes.push(
      runCli(['debug', '--dap'], {
        out: (bytes) => void socket.write(bytes),
        err: () => undefined,
        outIsTerminal: false,
        errIsTerminal: false,
        width: 80,
        env: {},
        stdin: () => socket,
        onInterrupt: () => undefined,
      }),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});
afterAll(() => server.close());

let client: DebugClient;
beforeEach(async () => {
  client = new DebugClient('node', '', 'jitnic');
  await client.start((server.address() as AddressInfo).port);
});
afterEach(() => client.stop());

/** Launches, sets breakpoints, and waits for the first stop. */
async function begin(
  args: Record<string, unknown>,
  breakpoints: readonly DebugProtocol.SourceBreakpoint[] = [],
): Promise<DebugProtocol.Breakpoint[]> {
  const initialized = client.waitForEvent('initialized');
  await client.initializeRequest({ adapterID: 'jitnic', pathFormat: 'path', linesStartAt1: true });
  await client.launchRequest(args as DebugProtocol.LaunchRequestArguments);
  await initialized;
  const set = await client.setBreakpointsRequest({ source: { path: source }, breakpoints: [...breakpoints] });
  await stop(client.configurationDoneRequest());
  return set.body.breakpoints;
}

/** What a motion leads to: the event, and the line. */
async function stop(request: Promise<DebugProtocol.Response>): Promise<{ reason: string; line: number; name: string }> {
  const [event] = await Promise.all([client.waitForEvent('stopped'), request]);
  const { body } = await client.stackTraceRequest({ threadId: 1 });
  const [frame] = body.stackFrames;
  return { reason: (event.body as { reason: string }).reason, line: frame?.line ?? 0, name: frame?.name ?? '' };
}

async function scope(name: string): Promise<DebugProtocol.Variable[]> {
  const { body } = await client.scopesRequest({ frameId: 1 });
  const found = body.scopes.find((one) => one.name === name);
  return (await client.variablesRequest({ variablesReference: found?.variablesReference ?? 0 })).body.variables;
}

describe('the debug adapter', () => {
  it('stops at lines, goes on and back, and ends where it was asked to', async () => {
    const line = lineOf('lookup_elem');
    const [breakpoint] = await begin(launch, [{ line }]);
    expect(breakpoint).toMatchObject({ verified: true });
    const at = breakpoint?.line ?? 0;
    const hit = await stop(client.continueRequest({ threadId: 1 }));
    expect(hit).toMatchObject({ reason: 'breakpoint', line: at });
    const next = await stop(client.nextRequest({ threadId: 1 }));
    expect(next.line).not.toBe(at);
    expect((await stop(client.stepBackRequest({ threadId: 1 }))).line).toBe(at);
    expect((await stop(client.reverseContinueRequest({ threadId: 1 }))).reason).toMatch(/entry|breakpoint/);
    await client.setBreakpointsRequest({ source: { path: source }, breakpoints: [] });
    expect((await stop(client.continueRequest({ threadId: 1 }))).reason).toBe('end');
    // The end is a place to turn round.
    expect((await stop(client.reverseContinueRequest({ threadId: 1 }))).reason).toBe('entry');
    const terminated = client.waitForEvent('terminated');
    await stop(client.continueRequest({ threadId: 1 }));
    await client.continueRequest({ threadId: 1 });
    await terminated;
    await client.disconnectRequest();
    expect(await codes.at(-1)).toBe(0);
  });

  it('stops where a condition holds, and says what is wrong with one', async () => {
    const line = lineOf('lookup_elem');
    const set = await begin({ ...launch, stopOnEntry: false }, [
      { line, condition: 'ip.ttl == 999' },
      { line, condition: 'ip.tll > 1' },
      { line: 100_000 },
    ]);
    expect(set.map(({ verified }) => verified)).toEqual([true, false, false]);
    expect(set[1]?.message).toContain('did you mean `ip.ttl`?');
    const { body } = await client.stackTraceRequest({ threadId: 1 });
    expect(body.totalFrames).toBe(1);
    // The condition never held: it ran to the end.
    expect((await stop(client.stepBackRequest({ threadId: 1 }))).reason).toBe('step');
  });

  it('shows registers, packet, maps and globals, and evaluates', async () => {
    await begin(launch);
    const registers = await scope('Registers');
    expect(registers.find(({ name }) => name === 'r1')).toMatchObject({ value: '0x10000 ctx' });
    const packet = await scope('Packet');
    const ip = packet.find(({ name }) => name === 'ip');
    const fields = (await client.variablesRequest({ variablesReference: ip?.variablesReference ?? 0 })).body.variables;
    const ttl = fields.find(({ name }) => name === 'ttl');
    expect(ttl?.evaluateName).toBe('ip.ttl');
    expect((await client.evaluateRequest({ expression: 'ip.ttl' })).body.result).toBe(ttl?.value);
    expect((await scope('Maps')).length).toBeGreaterThan(0);
    await expect(client.evaluateRequest({ expression: 'ip.ttll' })).rejects.toThrow('did you mean');
  });

  it('tells what the verifier knows', async () => {
    const folder = resolve('examples/ipv6-filter');
    await begin({ program: `${folder}/ipv6-filter.o`, layers: 'eth/ip6/udp' });
    expect(await scope('Verifier')).toContainEqual({ name: 'r1', value: 'ctx()', variablesReference: 0 });
  });

  it('steps by instructions and disassembles around them', async () => {
    await begin(launch);
    const before = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames[0];
    await stop(client.stepInRequest({ threadId: 1, granularity: 'instruction' }));
    const after = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames[0];
    expect(after?.instructionPointerReference).not.toBe(before?.instructionPointerReference);
    const { body } = await client.disassembleRequest({
      memoryReference: after?.instructionPointerReference ?? '',
      instructionOffset: -3,
      instructionCount: 6,
    });
    expect(body?.instructions).toHaveLength(6);
    expect(body?.instructions[0]?.presentationHint).toBe('invalid');
    const here = body?.instructions.find(({ address }) => address === after?.instructionPointerReference);
    expect(here?.instruction).toMatch(/^1: /);
    const set = await client.customRequest('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: body?.instructions[5]?.address }],
    });
    expect((set.body as { breakpoints: { verified: boolean }[] }).breakpoints[0]?.verified).toBe(true);
    expect((await stop(client.continueRequest({ threadId: 1 }))).reason).toBe('breakpoint');
  });

  it('says why it cannot launch', async () => {
    await client.initializeRequest({ adapterID: 'jitnic', pathFormat: 'path' });
    const tried = client.launchRequest({ program: object } as DebugProtocol.LaunchRequestArguments);
    await expect(tried).rejects.toThrow('which packet?');
  });

  it('says things on the way, stops the times that are wanted, and where a value changes', async () => {
    const line = lineOf('lookup_elem');
    const said = client.waitForEvent('output') as Promise<DebugProtocol.OutputEvent>;
    await begin({ ...launch, stopOnEntry: true });
    const set = await client.setBreakpointsRequest({
      source: { path: source },
      breakpoints: [
        { line, logMessage: 'ttl {ip.ttl}, {nonsense.too}' },
        { line, logMessage: 'ttl is {ip.ttl}' },
        { line, hitCondition: 'often' },
        { line, hitCondition: '>= 1000' },
      ],
    });
    expect(set.body.breakpoints.map(({ verified }) => verified)).toEqual([false, true, false, true]);
    const info = await client.customRequest('dataBreakpointInfo', { name: 'ip.ttl' });
    expect(info.body).toMatchObject({ dataId: 'ip.ttl', accessTypes: ['write'] });
    const data = await client.customRequest('setDataBreakpoints', {
      breakpoints: [{ dataId: 'r0' }, { dataId: '1 +' }],
    });
    expect(data.body.breakpoints.map(({ verified }: DebugProtocol.Breakpoint) => verified)).toEqual([true, false]);
    const stopped = client.waitForEvent('stopped');
    await client.continueRequest({ threadId: 1 });
    expect((await stopped).body).toMatchObject({
      reason: 'data breakpoint',
      text: expect.stringContaining('change of r0'),
    });
    await client.customRequest('setDataBreakpoints', { breakpoints: [] });
    const end = client.waitForEvent('stopped');
    await client.continueRequest({ threadId: 1 });
    expect((await said).body.output).toMatch(/^ttl is \d+\n$/);
    expect((await end).body.reason).toBe('end');
  });

  it('refuses what it does not do, whatever comes', async () => {
    await begin(launch);
    for (const [command, args, why] of [
      ['setVariable', { variablesReference: 1, name: 'r0', value: '1' }, 'launch with `set`'],
      ['readMemory', { memoryReference: '0', count: 4 }, 'not supported'],
      ['scopes', { frameId: 99 }, 'there is no frame 99'],
      ['evaluate', { expression: 'x'.repeat(50_000) }, 'there is no'],
      ['evaluate', undefined, 'an expression is missing'],
    ] as const)
      await expect(client.customRequest(command, args), command).rejects.toThrow(why);
    const { body } = await client.customRequest('setInstructionBreakpoints', {
      breakpoints: [{ instructionReference: 'zz' }],
    });
    expect(body.breakpoints).toEqual([{ verified: false, message: 'no instruction is there' }]);
  });

  it('takes settings as editors have them, and says which one is mistyped', async () => {
    await expect(client.launch({ program: object, mapIn: 'x.json' } as never)).rejects.toThrow(
      'did you mean `mapsIn`?',
    );
  });
});
