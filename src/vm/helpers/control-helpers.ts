/** Control flow and locks: tail calls, bpf_loop, spin locks. */
import { errno, maxLoops, maxTailCalls } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { ProgArrayMap } from '../maps/index.js';
import { privateState } from '../private-state.js';
import { type Callbacks, setSigned, setUnsigned, u32, u64 } from './helper.js';

/**
 * bpf_tail_call: on success leaves the target in `machine.lane.tailTarget` for the engine; otherwise the program goes
 * on after the call, with r0 as it was.
 */
export function tailCall(machine: Machine, registers: Registers): void {
  machine.contextArgument(registers, 1);
  const map = machine.mapArgument(registers, 2);
  if (!(map instanceof ProgArrayMap)) {
    machine.refuse(`cannot pass map_type ${map.spec.typeNumber} into func bpf_tail_call#12`);
  }
  if (machine.lane.tailCalls >= maxTailCalls) return;
  const target = machine.programs[map.programAt(u32(registers, 3)) - 1];
  if (target === undefined) return;
  machine.lane.tailCalls++;
  machine.lane.tailTarget = target;
}

/** bpf_loop: calls back with (i, context) until the callback returns non-zero. r0 counts the iterations. */
export function loop(_machine: Machine, registers: Registers, callbacks: Callbacks): void {
  const count = u32(registers, 1);
  const fn = u32(registers, 2);
  const context = u64(registers, 3);
  if (u64(registers, 4) !== 0n) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  if (count > maxLoops) {
    // Linux inlines bpf_loop, and there the error is a 32-bit move: the upper half stays 0.
    setUnsigned(registers, -errno.E2BIG >>> 0);
    return;
  }
  let i = 0;
  while (i < count) {
    registers.u32[2] = i;
    registers.u32[3] = 0;
    registers.u64[2] = context;
    registers.u64[3] = 0n;
    registers.u64[4] = 0n;
    registers.u64[5] = 0n;
    callbacks.call(fn);
    i++;
    if (registers.u64[0] !== 0n) break;
  }
  setUnsigned(registers, i);
}

/**
 * One packet runs at a time, so a lock is never contended; what can go wrong is its use. The lock word itself stays 0.
 */
export function spinLock(machine: Machine, registers: Registers): void {
  const lock = machine.writable(registers, 1, 4);
  if (machine.memory.load32(machine.lane.state + privateState.lock) !== 0)
    machine.refuse('another lock is already held');
  machine.memory.store32(machine.lane.state + privateState.lock, lock);
  setUnsigned(registers, 0);
}

/** r1: the lock, which this program has to hold. */
export function spinUnlock(machine: Machine, registers: Registers): void {
  const lock = machine.writable(registers, 1, 4);
  if (machine.memory.load32(machine.lane.state + privateState.lock) !== lock) machine.refuse('this lock is not held');
  machine.memory.store32(machine.lane.state + privateState.lock, 0);
  setUnsigned(registers, 0);
}

/** bpf_probe_read_kernel and its kin. */
export function refuseProbeRead(machine: Machine): void {
  machine.refuse('there is no kernel memory to read here');
}
