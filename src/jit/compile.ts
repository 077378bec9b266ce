/**
 * Programs to a WebAssembly module. Its one export, `run(record, count)`, is the packet loop: it runs the
 * program on `count` packets whose {@link record}s lie one behind the other. Programs that
 * tail calls can reach are functions of the same module, called in turn until none of them names another; a program
 * without tail calls is the loop's body itself, which saves a call a packet.
 */
import { type FunctionCode, makesTailCalls, orderOfCode } from '../ir/index.js';
import { type LoadedProgram, type Machine, record } from '../vm/index.js';
import { type CodeBuilder, ModuleBuilder } from '../wasm/index.js';
import { emitArrival, emitEpilogue, emitPrologue, emitTargets } from './context-code.js';
import { demandsOf } from './demands.js';
import type { Areas } from './exchange.js';
import { FunctionEmitter } from './function-emitter.js';
import { emitInline } from './inline-program.js';
import { Services, type TrapPoint } from './services.js';
import { emitVector, planVector } from './vector-code.js';

/** A WebAssembly module for the programs of a machine, not yet instantiated. */
export interface CompiledModule {
  readonly bytes: Uint8Array;
  readonly trapPoints: readonly TrapPoint[];
  /** Helpers move the packet's ends. */
  readonly movesPacket: boolean;
  /** Helpers say where the packet goes. */
  readonly redirects: boolean;
  /** Records of ring buffers are reserved and closed in the module. */
  readonly writesRings: boolean;
  /** Some path calls JavaScript, which finds its stack frames and the time only if they were prepared. */
  readonly callsHost: boolean;
}

const recordParameter = 0;
const countParameter = 1;

/** At least the one that runs. */
export type Programs = readonly [FunctionCode, ...FunctionCode[]];

/** What code is made of. */
export interface CompileInput {
  readonly machine: Machine;
  /** The program that runs first; then those that tail calls may reach. */
  readonly programs: Programs;
  readonly areas: Areas;
  /** Where programs that count have their counters, by program index. */
  readonly counters?: ReadonlyMap<number, number> | undefined;
  /** With a section that names functions. */
  readonly names?: boolean;
  /** Bytes of a program that a turn of the packet loop holds twice at most: parameter `unroll` of the optimizer. */
  readonly unroll?: number | undefined;
  /** Operations for each load from which on four packets are run at once, 0 for never: parameter `vector`. */
  readonly vector?: number | undefined;
}

/** Makes the module's bytes: a function for each program, and for each service that they call. */
export function compileModule({
  machine,
  programs,
  areas,
  names,
  counters,
  unroll = 0,
  vector = 0,
}: CompileInput): CompiledModule {
  const module = new ModuleBuilder();
  const demands = demandsOf(programs);
  const isChecked = programs.some((code) => code.checked);
  const services = new Services(machine, module, areas, { demands, isChecked, counters });
  const run = module.declareFunction('run', ['i32', 'i32'], []);
  const out = module.bodyOf(run);
  const functions = programs.some(makesTailCalls) ? defineFunctions(services, programs) : undefined;

  const end = out.addLocal('i32');
  out.getLocal(countParameter).op('i32.eqz').if().op('return').end();
  out.getLocal(recordParameter).getLocal(countParameter).i32(record.size).op('i32.mul').op('i32.add').setLocal(end);
  const emitPacket = (at: number): void => {
    emitPrologue(out, services, at, demands);
    if (isChecked) services.emitResetFuel(out);
    if (functions === undefined) emitInline(out, services, programs[0], at);
    else {
      out.getLocal(at);
      emitDriver(out, services, programs, functions);
      out.memory('i64.store', record.r0);
    }
    emitEpilogue(out, services, at, demands);
  };
  const isPlain = functions === undefined && !isChecked;
  const plan = isPlain ? planVector(programs[0], vector) : undefined;
  out.loop();
  if (plan !== undefined) emitVector(out, plan, recordParameter, end);
  const before = out.size;
  emitPacket(recordParameter);
  // Two packets a turn pay where the loop around them (V8's check of the stack, the end) is much of the work.
  const isTwice = isPlain && plan === undefined && out.size - before <= unroll && !hasLoops(programs[0]);
  if (isTwice) {
    const second = out.addLocal('i32');
    out.getLocal(recordParameter).i32(record.size).op('i32.add').teeLocal(second);
    out.getLocal(end).op('i32.eq').if().op('return').end();
    emitPacket(second);
    out
      .getLocal(recordParameter)
      .i32(2 * record.size)
      .op('i32.add')
      .teeLocal(recordParameter);
  } else {
    out.getLocal(recordParameter).i32(record.size).op('i32.add').teeLocal(recordParameter);
  }
  out.getLocal(end).op('i32.ne').brIf(0);
  out.end();
  module.define(run, out);
  module.exportFunction('run', run);
  return {
    bytes: module.finish({ names: names ?? false }),
    trapPoints: services.trapPoints,
    movesPacket: demands.movesPacket,
    redirects: demands.redirects,
    writesRings: services.writesRings,
    callsHost: services.callsHost,
  };
}

const hasLoops = (code: FunctionCode): boolean => orderOfCode(code).headers.size > 0;

/** One function (record) -> r0 for each program; index by program index. */
function defineFunctions(services: Services, programs: readonly FunctionCode[]): ReadonlyMap<number, number> {
  const { module, machine } = services;
  const functions = new Map<number, number>();
  for (const { program } of programs) {
    functions.set(program.index, module.declareFunction(`program_${program.index}`, ['i32'], ['i64']));
  }
  for (const code of programs) {
    const index = functions.get(code.program.index) as number;
    const out = module.bodyOf(index);
    const arrival = emitArrival(out, recordParameter, services.demands);
    const leave = (body: CodeBuilder): void => {
      body.op('return');
    };
    new FunctionEmitter(code, out, { machine, services, record: recordParameter, arrival, leave }).emit();
    module.define(index, out);
  }
  return functions;
}

/** A program that cannot run: whoever gets there learns why. */
function defineRefusal(services: Services, program: LoadedProgram): number {
  const index = services.module.declareFunction(`refused_${program.index}`, ['i32'], ['i64']);
  const out = services.module.bodyOf(index);
  const what = program.refusal?.message ?? 'it cannot run';
  services.emitTrap(out, { program: program.index, pc: 0, what, unsupported: true }, recordParameter);
  services.module.define(index, out);
  return index;
}

/** Pushes r0: the first program, then whatever tail calls name. */
function emitDriver(
  out: CodeBuilder,
  services: Services,
  programs: Programs,
  functions: ReadonlyMap<number, number>,
): void {
  const { module, machine } = services;
  const [first] = programs;
  module.table(machine.programs.map((program) => functions.get(program.index) ?? defineRefusal(services, program)));
  const r0 = out.addLocal('i64');
  services.emitNoTailCalls(out);
  out
    .getLocal(recordParameter)
    .call(functions.get(first.program.index) as number)
    .setLocal(r0);
  emitTargets(out, services, recordParameter, r0);
  out.getLocal(r0);
}
