/**
 * Would Linux load this program? Verifies the main program and every global function that it calls, each on its own.
 */

import { isFunctionAddress } from '../code/index.js';
import { type Insn, isLddw } from '../isa/index.js';
import {
  type Btf,
  type CreationOutcome,
  creationOf,
  type MapSpec,
  mapFacts,
  type ProgramSpec,
} from '../object/index.js';
import { type ErrnoName, errno, errnoName, maxCpus, maxInsns } from '../platform/index.js';
import { askDevice, type DeviceHooks, finalizeOnDevice, rewriteOnDevice } from './device.js';
import { Env, Rejection } from './env.js';
import { type Explanation, explainRejection } from './explain.js';
import { type ExploreObserver, Explorer } from './explore.js';
import { FactsCollector, type ProgramFacts } from './facts.js';
import { LogWriter } from './log.js';
import type { MessageCode, MessageValues } from './messages.js';
import { type ProgramShape, type Subprog, shapeOf } from './program-shape.js';
import { pointerReg, scalarReg } from './reg-state.js';
import { unknownScalar } from './scalar.js';
import { checkStackDepth } from './stack-depth.js';
import { frameRegs } from './subprog-call.js';
import { Trail, theCaller } from './trail.js';
import { BtfOracle } from './type-oracle.js';
import { FrameState, VerifierState } from './verifier-state.js';

/** What the verifier knows of the object, and what it is to tell. */
export interface VerifyOptions {
  /** The object's BTF: signatures of global functions, locks in map values. */
  readonly btf?: Btf | undefined;
  /** The kernel's own types, which bpf_rdonly_cast names by number. */
  readonly kernelBtf?: Btf | undefined;
  /** Licence of the object; GPL-only helpers need a compatible one. Default `GPL`. */
  readonly license?: string;
  /** 0 none, 1 the path that failed, 2 every instruction with the state after it. Default 1. */
  readonly logLevel?: 0 | 1 | 2;
  /** CPUs that the kernel may come to have; it knows its own. Default: as many as any kernel can have. */
  readonly cpus?: number;
  /** Collect {@link ProgramFacts}. Default false. */
  readonly facts?: boolean;
  /** Go on after a rejection with the paths that do not depend on it, and report all. Default false. */
  readonly all?: boolean;
}

/** How much work it was. */
export interface VerifyStats {
  /** Instructions checked over all paths. */
  readonly insns: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly maxStatesPerInsn: number;
}

/** One reason for which the program is refused. */
export interface Failure {
  readonly code: MessageCode;
  readonly values: MessageValues;
  /** In the kernel's words; lines joined by `; `. */
  readonly message: string;
  /** Slot of the instruction at fault; -1 where it is none, but a map. */
  readonly insn: number;
  readonly errno: ErrnoName;
  readonly explanation: Explanation;
}

/** The answer of {@link verify}. */
export interface VerifyResult {
  readonly accepted: boolean;
  /** In the kernel's format. */
  readonly log: string;
  /** The first failure; the rest only with `all`. */
  readonly failures: readonly Failure[];
  readonly message: string | undefined;
  readonly insn: number | undefined;
  /** 0, or the negated error number that bpf(2) would return. */
  readonly errno: number;
  readonly stats: VerifyStats;
  readonly facts: ProgramFacts | undefined;
  /** Bytes of its frame that each function's paths touch, by its first slot. */
  readonly stackDepths: ReadonlyMap<number, number>;
}

const gplLicenses: readonly string[] = [
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
];

/** Failures after which `all` stops looking. */
const maxFailures = 20;

/**
 * Would Linux 6.18 load this program? `maps` are the object's, by index. Never throws for what the program does: a
 * refusal is a result, in the kernel's words.
 */
export function verify(program: ProgramSpec, maps: readonly MapSpec[], options: VerifyOptions = {}): VerifyResult {
  return new Verification(program, maps, options, undefined).run();
}

/** The same for a program that is loaded for a card: its driver is asked about each instruction, and may refuse. */
export function verifyForDevice(
  program: ProgramSpec,
  maps: readonly MapSpec[],
  device: DeviceHooks,
  options: VerifyOptions = {},
): VerifyResult {
  return new Verification(program, maps, options, device).run();
}

/** One program's verification from its shape to the end: main program first, then each global function by itself. */
class Verification {
  private readonly program: ProgramSpec;
  /**
   * The maps as a loader gets them from Linux: libbpf rounds some, and does without BTF where Linux would refuse it.
   */
  private readonly creations: readonly CreationOutcome[];
  private readonly maps: readonly MapSpec[];
  private readonly options: VerifyOptions;
  private readonly device: DeviceHooks | undefined;
  private readonly log: LogWriter;
  private readonly failures: Failure[] = [];
  /** The walk through the function that was verified last. */
  private explorer: Explorer | undefined;
  private insns = 0;
  private total = 0;
  private peak = 0;
  private maxPerInsn = 0;
  private maxPacketOffset = -1;

  constructor(program: ProgramSpec, maps: readonly MapSpec[], options: VerifyOptions, device: DeviceHooks | undefined) {
    this.device = device;
    this.program = program;
    this.creations = maps.map((map) => creationOf(map, 1, mapFacts(options.btf, map)));
    this.maps = this.creations.map(({ spec }) => spec);
    this.options = options;
    this.log = new LogWriter(program, maps, options.logLevel ?? 1);
  }

  run(): VerifyResult {
    const { options, program } = this;
    let shape: ProgramShape | undefined;
    try {
      this.checkMaps();
      // A symbol that nothing defines is refused wherever it stands; what else is missing, where a path comes to it.
      const missing = program.unresolved.find(({ symbol }) => symbol?.weak === false);
      if (missing !== undefined) throw new Rejection('unresolved-reference', { what: missing.what }, missing.insn);
      shape = shapeOf(program, this.maps, this.isGpl, this.device !== undefined);
      this.verifyAll(shape);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.record(error, undefined);
    }
    const accepted = this.failures.length === 0;
    const stats: VerifyStats = {
      insns: this.insns,
      totalStates: this.total,
      peakStates: this.peak,
      maxStatesPerInsn: this.maxPerInsn,
    };
    this.log.summary(stats);
    const first = this.failures[0];
    return {
      accepted,
      log: this.log.text(),
      failures: this.failures,
      message: first?.message,
      insn: first?.insn,
      errno: first === undefined ? 0 : -errno[first.errno],
      stats,
      facts: accepted && options.facts === true && shape !== undefined ? this.collectFacts(shape) : undefined,
      stackDepths: new Map(shape?.subprogs.map(({ start, stackDepth }) => [start, stackDepth])),
    };
  }

  /** All maps of a file are created before any program is loaded. */
  private checkMaps(): void {
    for (const { refusal, spec } of this.creations) {
      if (refusal === undefined) continue;
      const error = errnoName(refusal.errno) as ErrnoName; // Linux's numbers have names
      throw new Rejection('map-refused', { map: spec.name, error, reason: refusal.reason }, -1, error);
    }
  }

  private verifyAll(shape: ProgramShape): void {
    this.eachFunction(shape, (env, subprog) => {
      this.explore(env, subprog);
      return this.failures.length === 0 || this.options.all === true;
    });
    if (this.failures.length > 0) return;
    const { device } = this;
    if (device !== undefined) finalizeOnDevice(device, shape, this.maxPacketOffset, this.log);
    // Any function's knows the program.
    const env = this.envFor(shape, 0);
    checkStackDepth(env);
    checkCallbacksUsed(env);
    if (device !== undefined) rewriteOnDevice(device, env.insns, shape.seen, (line) => this.log.say(line));
  }

  /** The main program and each global function that a path calls, each by itself, as long as `explore` wants more. */
  private eachFunction(shape: ProgramShape, explore: (env: Env, subprog: Subprog) => boolean): void {
    const verified = new Set<number>([0]);
    const work = [0];
    for (let index = work.shift(); index !== undefined; index = work.shift()) {
      const env = this.envFor(shape, index);
      if (!explore(env, shape.subprogs[index] as Subprog)) return; // indexes come from the shape
      for (const called of env.calledGlobals) {
        if (verified.has(called)) continue;
        verified.add(called);
        work.push(called);
      }
    }
  }

  /**
   * What is known at each slot of an accepted program, by a walk of its own: it sees more than the verdict needs, and
   * a program that is refused is not worth it. Undefined where that walk reaches a limit that the first one kept.
   */
  private collectFacts(shape: ProgramShape): ProgramFacts | undefined {
    const facts = new FactsCollector(this.program, shape);
    const visit = (env: Env): void => facts.visit(env);
    const nothing = (): void => {};
    const observer: ExploreObserver = {
      before: visit,
      after: nothing,
      pruned: visit,
      resumed: nothing,
      loop: nothing,
      endless: nothing,
    };
    try {
      this.eachFunction(shape, (env, subprog) => {
        env.tracksPath = false;
        new Explorer(env, observer, true).run(subprog.start, env.state);
        return true;
      });
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      return undefined;
    }
    return facts.finish();
  }

  /** May the program call what is for GPL programs alone? */
  private get isGpl(): boolean {
    return gplLicenses.includes(this.options.license ?? 'GPL');
  }

  private envFor(shape: ProgramShape, index: number): Env {
    const types = new BtfOracle(this.options.btf);
    const regs = frameRegs(0);
    if (index === 0) regs[1] = pointerReg('ctx');
    const state = new VerifierState([new FrameState(regs, [], -1, index)], []);
    const env = new Env(this.program, this.maps, shape, types, this.isGpl, state);
    env.tracksPath = (this.options.logLevel ?? 1) > 0;
    env.cpus = this.options.cpus ?? maxCpus;
    env.kernelBtf = this.options.kernelBtf;
    env.isForDevice = this.device !== undefined;
    if (index !== 0) setGlobalArgs(env, shape.subprogs[index] as Subprog); // a called global exists
    return env;
  }

  private explore(env: Env, subprog: Subprog): void {
    const explorer = new Explorer(env, this.observer());
    if (this.explorer !== undefined) explorer.countOn(this.explorer);
    this.explorer = explorer;
    this.log.start(env, subprog);
    try {
      explorer.run(subprog.start, env.state);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      this.record(error, env);
      if (this.options.all === true) this.exploreRest(env, explorer);
    }
    const { stats } = explorer;
    this.maxPacketOffset = Math.max(this.maxPacketOffset, env.maxPacketOffset);
    this.insns = Math.min(env.processed, maxInsns + 1);
    this.total += stats.totalStates;
    this.peak += stats.peakStates;
    this.maxPerInsn = Math.max(this.maxPerInsn, stats.maxStatesPerInsn);
  }

  /** After a failure: the other pending paths, each failure site reported once. */
  private exploreRest(env: Env, explorer: Explorer): void {
    while (this.failures.length < maxFailures && env.processed < maxInsns) {
      env.returnedFromCallback = false;
      if (!explorer.resume()) return;
      try {
        explorer.followPath();
      } catch (error) {
        if (!(error instanceof Rejection)) throw error;
        this.record(error, env);
      }
    }
  }

  private record(rejection: Rejection, env: Env | undefined): void {
    const { code, values, insn } = rejection;
    this.log.failure(rejection);
    if (this.failures.some((failure) => failure.insn === insn && failure.code === code)) return;
    this.failures.push({
      code,
      values,
      message: rejection.message.replaceAll('\n', '; '),
      insn,
      errno: rejection.errno,
      explanation: explainRejection(this.program, rejection, env),
    });
  }

  private observer(): ExploreObserver | undefined {
    const { log, device } = this;
    if (!log.follows && device === undefined) return undefined;
    return {
      before: (env) => {
        log.before(env);
        if (device !== undefined) askDevice(device, env, log);
      },
      after: (env) => log.after(env),
      pruned: (env) => log.pruned(env),
      resumed: () => log.resumed(),
      loop: (visit, begins) => log.loop(visit, begins),
      endless: (env, checkpoint) => log.endless(env, checkpoint),
    };
  }
}

/**
 * Linux drops instructions that no path came to, one contiguous run after another. The address of a function that
 * starts such a run then becomes that of the function behind the run; one that lies within a run, or behind which
 * nothing is left, leads nowhere, and loading fails.
 */
function checkCallbacksUsed(env: Env): void {
  const { insns, shape } = env;
  const used = shape.subprogs.filter((subprog) => shape.seen[subprog.start] === 1);
  // A single function needs no links between functions.
  if (used.length < 2) return;
  // The second half of a 64-bit load goes with the first.
  const isDropped = (pc: number): boolean => shape.seen[isSecondHalf(insns, pc) ? pc - 1 : pc] === 0;
  for (const [pc, insn] of insns.entries()) {
    if (!isFunctionAddress(insn) || shape.seen[pc] !== 1) continue;
    const target = pc + 1 + insn.imm;
    if (!isDropped(target)) continue;
    let end = target;
    while (end < insns.length && isDropped(end)) end++;
    if (end < insns.length && !isDropped(target - 1)) continue;
    env.pc = pc;
    env.reject('dead-callback', { insn: pc });
  }
}

function isSecondHalf(insns: readonly Insn[], pc: number): boolean {
  const first = insns[pc - 1];
  return first !== undefined && isLddw(first);
}

/** Arguments of a global function: anything that its signature allows. */
function setGlobalArgs(env: Env, subprog: Subprog): void {
  const fn = env.program.functions[subprog.fn];
  const signature = fn === undefined ? undefined : env.types.signature(fn);
  if (signature === undefined || fn === undefined) return;
  env.pc = subprog.start;
  if (signature.returns === 'other') env.reject('global-void', { name: fn.name });
  for (const [i, param] of signature.params.entries()) {
    switch (param.kind) {
      case 'scalar':
        env.frame.regs[i + 1] = scalarReg(unknownScalar, new Trail(theCaller));
        break;
      case 'ctx':
        env.frame.regs[i + 1] = pointerReg('ctx');
        break;
      case 'mem': {
        const reg = pointerReg('mem');
        reg.memSize = param.size;
        reg.nullable = param.nullable;
        if (param.nullable) reg.id = env.newId();
        env.frame.regs[i + 1] = reg;
        break;
      }
      case 'unsupported':
        // The call was refused for it.
        break;
    }
  }
}
