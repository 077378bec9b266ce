/**
 * What is judged is what is shipped: `run`, `bench`, `ir -o` and the judge make the same WebAssembly of a program,
 * byte for byte.
 */
import { expect, test } from 'vitest';
import { Wasm, type WasmModule } from '../src/base/index.js';
import { machineEngine } from '../src/judge/index.js';
import { MachineSubject } from '../src/judge/machine-subject.js';
import { measureSpeed, standardPacket } from '../src/judge/speed/index.js';
import { Session } from '../src/runtime/index.js';
import { openExample } from './support/examples.js';

interface ModuleClass {
  exports(module: WasmModule): readonly { readonly name: string }[];
}

/**
 * Modules of programs that are made while `body` runs, as text. One that was made before is taken from
 * jit/module-cache.ts, so it is not seen again.
 */
function modulesOf(body: () => void): string[] {
  const { Module } = Wasm;
  const seen: string[] = [];
  Wasm.Module = new Proxy(Module, {
    construct: (target, args: [Uint8Array<ArrayBuffer>]) => {
      const module = new target(...args);
      // An arena's copying loops are modules too; a program's exports `run`.
      const names = (target as unknown as ModuleClass).exports(module).map(({ name }) => name);
      if (names.includes('run')) seen.push(Buffer.from(args[0]).toString('base64'));
      return module;
    },
  });
  try {
    body();
  } finally {
    Wasm.Module = Module;
  }
  return seen;
}

/** Straight code, a table of prefixes, tail calls, callbacks, a clock. */
const names = ['ipv6-filter', 'lpm-router', 'port-knocking', 'tcp-conntrack', 'token-bucket'];

test.each(names)('%s is compiled to the same module by run, bench and judge', (name) => {
  const { object, main } = openExample(name);
  const packet = standardPacket();
  const run = modulesOf(() => {
    new Session(object, main, { host: 'wasm', consumer: false }).runtime.host.prepare();
  });
  expect(run).toHaveLength(1);
  // One that differed in a byte would be made, and seen.
  const bench = modulesOf(() => {
    const subject = { object, program: main.name, packet };
    const { wasm } = measureSpeed(subject, { engines: ['wasm'], bpf: undefined, rounds: 1, turn: 0 });
    expect(wasm).toBeDefined();
  });
  expect(bench).toEqual([]);
  const judge = modulesOf(() => {
    const subject = new MachineSubject(object, main.name, machineEngine('wasm'), { consumer: false });
    subject.run({ data: packet });
    expect(subject.notCompiled).toBeUndefined();
  });
  expect(judge).toEqual([]);
});
