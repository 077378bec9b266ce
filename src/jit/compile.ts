/**
 * Programs to a WebAssembly module. Its one export, `run(record, count, stride)`, is the packet loop: it runs the program on `count` packets whose
 * {@link record}s lie `stride` bytes apart (0: one packet, again and again). Programs that tail calls can reach are functions of the same module, called in
 * turn until none of them names another; a program without tail calls is the loop's body itself, which saves a call a packet.
 */
import type { FunctionCode } from '../ir/index.js';
import { xdpMd } from '../platform/index.js';
import { type LoadedProgram, type Machine, packetState, privateState, record } from '../vm/index.js';
import { type CodeBuilder, ModuleBuilder } from '../wasm/index.js';
import { type Demands, demandsOf } from './demands.js';
import { exchange } from './exchange.js';
import { FunctionEmitter } from './function-emitter.js';
import { Services, type TrapPoint } from './services.js';

export interface CompiledModule {
  readonly bytes: Uint8Array;
  readonly trapPoints: readonly TrapPoint[];
  /** Helpers move the packet's ends. */
  readonly movesPacket: boolean;
  /** Some path calls JavaScript, which finds its stack frames and the time only if they were prepared. */
  readonly callsHost: boolean;
}

const recordParameter = 0;
const countParameter = 1;
const strideParameter = 2;

export interface CompileInput {
  readonly machine: Machine;
  /** The program that runs first; then those that tail calls may reach. */
  readonly programs: readonly FunctionCode[];
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /** With a section that names functions. */
  readonly names?: boolean;
}

export function compileModule({ machine, programs, exchange, names }: CompileInput): CompiledModule {
  const module = new ModuleBuilder();
  const services = new Services(machine, module, exchange);
  const demands = demandsOf(programs);
  const run = module.declareFunction('run', ['i32', 'i32', 'i32'], []);
  const out = module.bodyOf(run);
  const data = out.addLocal('i32');
  const hasTailCalls = programs.some((code) => code.blocks.some((block) => block?.end.kind === 'tail call'));
  const functions = hasTailCalls ? defineFunctions(services, programs) : undefined;

  out.block().loop();
  out.getLocal(countParameter).op('i32.eqz').brIf(1);
  out.getLocal(recordParameter);
  emitPrologue(out, services, data, demands);
  if (programs.some((code) => code.checked)) services.emitResetFuel(out);
  if (functions === undefined) {
    out.block('i64');
    const outer = out.depth;
    const frame = {
      machine,
      services,
      record: recordParameter,
      data,
      leave: (code: CodeBuilder, depth: number): void => {
        code.br(depth - outer);
      },
    };
    for (const code of programs.slice(0, 1)) new FunctionEmitter(code, out, frame).emit();
    out.end();
  } else {
    emitDriver(out, services, programs, functions, demands);
  }
  out.memory('i64.store', record.r0);
  emitEpilogue(out, machine, demands);
  out.getLocal(recordParameter).getLocal(strideParameter).op('i32.add').setLocal(recordParameter);
  out.getLocal(countParameter).i32(1).op('i32.sub').setLocal(countParameter).br(0);
  out.end().end();
  module.define(run, out);
  module.exportFunction('run', run);
  return {
    bytes: module.finish({ names: names ?? false }),
    trapPoints: services.trapPoints,
    movesPacket: demands.movesPacket,
    callsHost: services.callsHost,
  };
}

/** One function (record) -> r0 for each program; index by program index. */
function defineFunctions(services: Services, programs: readonly FunctionCode[]): ReadonlyMap<LoadedProgram, number> {
  const { module, machine } = services;
  const functions = new Map<LoadedProgram, number>();
  for (const { program } of programs) {
    functions.set(program, module.declareFunction(`program_${program.index}`, ['i32'], ['i64']));
  }
  for (const code of programs) {
    const index = functions.get(code.program) as number;
    const out = module.bodyOf(index);
    const data = out.addLocal('i32');
    out.getLocal(recordParameter).memory('i32.load', record.data).setLocal(data);
    const leave = (body: CodeBuilder): void => {
      body.op('return');
    };
    new FunctionEmitter(code, out, { machine, services, record: recordParameter, data, leave }).emit();
    module.define(index, out);
  }
  return functions;
}

/** A program that cannot run: whoever gets there learns why. */
function defineRefusal(services: Services, program: LoadedProgram): number {
  const index = services.module.declareFunction(`refused_${program.index}`, ['i32'], ['i64']);
  const out = services.module.bodyOf(index);
  const what = program.refusal?.message ?? 'it cannot run';
  services.emitTrap(out, { program, pc: 0, what, unsupported: true }, recordParameter);
  services.module.define(index, out);
  return index;
}

/** Pushes r0: the first program, then whatever tail calls name. */
function emitDriver(
  out: CodeBuilder,
  services: Services,
  programs: readonly FunctionCode[],
  functions: ReadonlyMap<LoadedProgram, number>,
  demands: Demands,
): void {
  const { module, machine, tailCount, tailTarget } = services;
  const [first] = programs;
  if (first === undefined) return;
  module.table(machine.programs.map((program) => functions.get(program) ?? defineRefusal(services, program)));
  const type = module.type(['i32'], ['i64']);
  const r0 = out.addLocal('i64');
  const target = out.addLocal('i32');
  out.i32(0).setGlobal(tailCount);
  out.i32(first.program.index + 1).setGlobal(tailTarget);
  out.loop();
  out.getGlobal(tailTarget).setLocal(target).i32(0).setGlobal(tailTarget);
  out.getLocal(recordParameter).getLocal(target).i32(1).op('i32.sub').callIndirect(type).setLocal(r0);
  // The next program finds the packet where this one left it.
  if (demands.movesPacket) emitEpilogue(out, machine, demands);
  out.getGlobal(tailTarget).brIf(0);
  out.end();
  out.getLocal(r0);
}

/** What a packet finds: `setPacket` of the machine, as far as these programs can tell. */
function emitPrologue(out: CodeBuilder, services: Services, data: number, demands: Demands): void {
  const { machine } = services;
  const from = (): CodeBuilder => out.getLocal(recordParameter);
  from().memory('i32.load', record.data).setLocal(data);
  if (machine.cpus > 1) {
    out.i32(services.exchange + exchange.cpu);
    from().memory('i32.load', record.cpu).memory('i32.store');
  }
  if (demands.needsContext) {
    for (let at = 0; at < xdpMd.size; at += 8) {
      out.i32(machine.ctx.start);
      from().memory('i64.load', at).memory('i64.store', at);
    }
    out.i32(machine.state).i64(0n).memory('i64.store', privateState.lock);
  }
  if (demands.movesPacket) {
    const frame = machine.state + privateState.packet;
    out.i32(frame);
    from().memory('i32.load', record.frameStart).memory('i32.store', packetState.frameStart);
    out.i32(frame);
    from().memory('i32.load', record.frameSize).memory('i32.store', packetState.frameSize);
  }
  if (demands.redirects) out.i32(machine.state).i32(0).memory('i32.store', privateState.redirectKind);
}

function emitEpilogue(out: CodeBuilder, machine: Machine, demands: Demands): void {
  const to = (): CodeBuilder => out.getLocal(recordParameter);
  if (demands.movesPacket) {
    to().i32(machine.ctx.start).memory('i64.load', 0).memory('i64.store', record.data);
    to().i32(machine.ctx.start).memory('i32.load', xdpMd.dataMeta).memory('i32.store', record.dataMeta);
  }
  if (demands.redirects) {
    for (let at = 0; at < 16; at += 8) {
      to()
        .i32(machine.state)
        .memory('i64.load', privateState.redirectKind + at)
        .memory('i64.store', record.redirect + at);
    }
  }
}
