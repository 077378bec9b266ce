import { describe, expect, it } from 'vitest';
import wabtFactory from 'wabt';
import { Wasm } from '../base/index.js';
import { ByteWriter, type CodeBuilder, FunctionTooLarge, ModuleBuilder } from './index.js';

const wabt = await wabtFactory();

/** The module as wabt reads it back; throws when it is not valid. */
function textOf(bytes: Uint8Array): string {
  const module = wabt.readWasm(bytes, { readDebugNames: true });
  module.validate();
  return module.toText({ foldExprs: true, inlineExport: false });
}

describe('integers', () => {
  it('encodes LEB128 as the specification does', () => {
    const bytes = (write: (out: ByteWriter) => void): number[] => {
      const out = new ByteWriter();
      write(out);
      return [...out.finish()];
    };
    expect(bytes((out) => out.unsigned(624485))).toEqual([0xe5, 0x8e, 0x26]);
    expect(bytes((out) => out.unsigned(0xffff_ffff))).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
    expect(bytes((out) => out.signed32(-123456))).toEqual([0xc0, 0xbb, 0x78]);
    expect(bytes((out) => out.signed32(64))).toEqual([0xc0, 0x00]);
    expect(bytes((out) => out.signed64(-1n))).toEqual([0x7f]);
    expect(bytes((out) => out.signed64(0xffff_ffff_ffff_ffffn))).toEqual([0x7f]);
    expect(bytes((out) => out.signed64(1n << 61n)).length).toBe(9);
  });

  it('writes constants that read back as they were', () => {
    for (const value of [0n, 1n, -1n, 63n, 64n, -64n, -65n, 1n << 31n, -(1n << 63n), (1n << 63n) - 1n]) {
      const module = new ModuleBuilder();
      const f = module.declareFunction('f', [], ['i64']);
      module.define(f, module.bodyOf(f).i64(value));
      module.exportFunction('f', f);
      const { f: call } = new Wasm.Instance(new Wasm.Module(module.finish())).exports;
      expect((call as () => bigint)()).toBe(value);
    }
  });
});

describe('the size of a function', () => {
  const moduleWith = (locals: number): ModuleBuilder => {
    const module = new ModuleBuilder();
    const f = module.declareFunction('f', ['i32'], []);
    const out = module.bodyOf(f);
    for (let i = 0; i < locals; i++) out.addLocal('i32');
    module.define(f, out);
    return module;
  };

  it('is what engines take, and not one local more', () => {
    expect(new Wasm.Module(moduleWith(49_999).finish())).toBeDefined();
    expect(() => moduleWith(50_000)).toThrow(FunctionTooLarge);
    expect(() => moduleWith(50_000)).toThrow('`f` has 50001 locals, of 50000 at most');
  });
});

describe('atomic operations on shared memory', () => {
  const memory = new Wasm.Memory({ initial: 1, maximum: 2, shared: true });
  const view = new DataView(memory.buffer);
  const run = (emit: (out: CodeBuilder) => CodeBuilder, type: 'i32' | 'i64'): unknown => {
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', 1, 2, true);
    const f = module.declareFunction('f', [], [type]);
    module.define(f, emit(module.bodyOf(f)));
    module.exportFunction('f', f);
    const { exports } = new Wasm.Instance(new Wasm.Module(module.finish()), { env: { memory } });
    return (exports['f'] as () => unknown)();
  };

  it('yield what was there and leave what they make of it', () => {
    const cases = [
      ['add', 12n + 10n],
      ['and', 12n & 10n],
      ['or', 12n | 10n],
      ['xor', 12n ^ 10n],
      ['xchg', 10n],
    ] as const;
    for (const [name, left] of cases) {
      view.setBigUint64(16, 12n, true);
      expect(run((out) => out.i32(8).i64(10n).atomic(`i64.atomic.rmw.${name}`, 8), 'i64')).toBe(12n);
      expect(view.getBigUint64(16, true)).toBe(left);
      view.setUint32(16, 12, true);
      expect(run((out) => out.i32(16).i32(10).atomic(`i32.atomic.rmw.${name}`), 'i32')).toBe(12);
      expect(view.getUint32(16, true)).toBe(Number(left));
    }
  });

  it('exchange only what is expected', () => {
    view.setUint32(16, 5, true);
    const exchange = (expected: number): unknown =>
      run((out) => out.i32(16).i32(expected).i32(9).atomic('i32.atomic.rmw.cmpxchg'), 'i32');
    expect([exchange(4), view.getUint32(16, true)]).toEqual([5, 5]);
    expect([exchange(5), view.getUint32(16, true)]).toEqual([5, 9]);
    run((out) => out.i32(16).i32(0).atomic('i32.atomic.store').i32(16).atomic('i32.atomic.load'), 'i32');
    expect(view.getUint32(16, true)).toBe(0);
  });
});

describe('a module', () => {
  it('has the text that was meant', () => {
    const module = new ModuleBuilder();
    module.importMemory('env', 'memory', 1, 16);
    const log = module.importFunction('env', 'log', ['i32'], []);
    const f = module.declareFunction('sum', ['i32', 'i32'], ['i32']);
    const out = module.bodyOf(f);
    const total = out.addLocal('i32');
    out.block().loop();
    out.getLocal(1).op('i32.eqz').brIf(1);
    out.getLocal(total).getLocal(0).memory('i32.load8_u', 4).op('i32.add').setLocal(total);
    out.getLocal(1).i32(1).op('i32.sub').setLocal(1).br(0).end().end();
    out.getLocal(total).call(log).getLocal(total);
    module.define(f, out);
    module.exportFunction('sum', f);
    expect(textOf(module.finish({ names: true }))).toMatchInlineSnapshot(`
      "(module
        (type (;0;) (func (param i32)))
        (type (;1;) (func (param i32 i32) (result i32)))
        (import "env" "memory" (memory (;0;) 1 16))
        (import "env" "log" (func $log (type 0)))
        (func $sum (type 1) (param i32 i32) (result i32)
          (local i32)
          (block  ;; label = @1
            (loop  ;; label = @2
              (br_if 1 (;@1;)
                (i32.eqz
                  (local.get 1)))
              (local.set 2
                (i32.add
                  (local.get 2)
                  (i32.load8_u offset=4
                    (local.get 0))))
              (local.set 1
                (i32.sub
                  (local.get 1)
                  (i32.const 1)))
              (br 0 (;@2;))))
          (call 0
            (local.get 2))
          (local.get 2))
        (export "sum" (func 1)))
      "
    `);
  });

  it('calls through a table, and keeps globals', () => {
    const module = new ModuleBuilder();
    const counter = module.global('i64', true, 5n);
    const one = module.declareFunction('one', ['i32'], ['i64']);
    const two = module.declareFunction('two', ['i32'], ['i64']);
    const pick = module.declareFunction('pick', ['i32'], ['i64']);
    module.define(one, module.bodyOf(one).getGlobal(counter));
    module.define(two, module.bodyOf(two).getGlobal(counter).i64(1n).op('i64.add').setGlobal(counter).i64(2n));
    const type = module.type(['i32'], ['i64']);
    module.define(pick, module.bodyOf(pick).i32(7).getLocal(0).callIndirect(type));
    module.table([one, two]);
    module.exportFunction('pick', pick);
    const { pick: call } = new Wasm.Instance(new Wasm.Module(module.finish())).exports;
    const run = call as (index: number) => bigint;
    expect([run(0), run(1), run(0)]).toEqual([5n, 2n, 6n]);
  });

  it('is the same bytes for the same calls', () => {
    const make = (): Uint8Array => {
      const module = new ModuleBuilder();
      const f = module.declareFunction('f', ['i64'], ['i64']);
      module.define(f, module.bodyOf(f).getLocal(0).i64(3n).op('i64.mul'));
      module.exportFunction('f', f);
      return module.finish({ names: true });
    };
    expect(make()).toEqual(make());
  });

  it('refuses a body whose blocks are open', () => {
    const module = new ModuleBuilder();
    const f = module.declareFunction('f', [], []);
    const out = module.bodyOf(f).block();
    expect(() => module.define(f, out)).toThrow('1 blocks are open');
  });
});
