/** Time, randomness, place: what a program learns about the machine it runs on. All of it comes in as a parameter. */
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import { privateState } from '../private-state.js';
import { setUnsigned } from './helper.js';

const nanosecondsPerSecond = 1_000_000_000n;
/** Seconds that TAI is ahead of UTC. */
const taiOffset = 37n;

/** bpf_ktime_get_ns and bpf_ktime_get_boot_ns: the imitated host never sleeps, so both are the time since boot. */
export function ktimeGetNs(machine: Machine, registers: Registers): void {
  registers.u64[0] = machine.lane.now;
}

/** bpf_ktime_get_coarse_ns: the time of the last tick. */
export function ktimeGetCoarseNs(machine: Machine, registers: Registers): void {
  const tick = nanosecondsPerSecond / BigInt(machine.hz);
  registers.u64[0] = machine.lane.now - (machine.lane.now % tick);
}

/** bpf_ktime_get_tai_ns: the imitated host booted at the epoch, and its TAI offset is set. */
export function ktimeGetTaiNs(machine: Machine, registers: Registers): void {
  registers.u64[0] = machine.lane.now + taiOffset * nanosecondsPerSecond;
}

/** Jiffies of the packet's time: they start five minutes before the 32-bit counter wraps (INITIAL_JIFFIES). */
export function jiffies(machine: Machine): bigint {
  const hz = BigInt(machine.hz);
  return (1n << 32n) - 300n * hz + (machine.lane.now * hz) / nanosecondsPerSecond;
}

/** bpf_jiffies64. */
export function jiffies64(machine: Machine, registers: Registers): void {
  registers.u64[0] = jiffies(machine);
}

/**
 * bpf_get_prandom_u32: xoroshiro64** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018)
 * over two words of private state, one generator for all CPUs.
 */
export function getPrandomU32(machine: Machine, registers: Registers): void {
  const { memory } = machine;
  const at = machine.lane.state + privateState.random;
  const s0 = memory.load32(at);
  const s1 = memory.load32(at + 4) ^ s0;
  const mixed = Math.imul(s0, 0x9e3779bb);
  const result = Math.imul((mixed << 5) | (mixed >>> 27), 5) >>> 0;
  memory.store32(at, (((s0 << 26) | (s0 >>> 6)) ^ s1 ^ (s1 << 9)) >>> 0);
  memory.store32(at + 4, ((s1 << 13) | (s1 >>> 19)) >>> 0);
  setUnsigned(registers, result);
}

/** r0: the CPU that the machine's packet runs on. */
export function getSmpProcessorId(machine: Machine, registers: Registers): void {
  setUnsigned(registers, machine.lane.cpu);
}

/** bpf_get_numa_node_id: the imitated host has one node. */
export function getNumaNodeId(_machine: Machine, registers: Registers): void {
  setUnsigned(registers, 0);
}

/**
 * bpf_get_current_pid_tgid, _uid_gid, _task, _cgroup_id: XDP runs in the softirq of whatever task was interrupted;
 * here that is always the idle task, process 0 of root, whose address is not given out.
 */
export function idleTask(_machine: Machine, registers: Registers): void {
  setUnsigned(registers, 0);
}
