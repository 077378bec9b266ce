/**
 * Programs bound to a network device without being offloaded to it (BPF_F_XDP_DEV_BOUND_ONLY): only they may ask the
 * driver what it knows of a frame. No object file says so; it is what its loader does (`bpftool prog load ...
 * xdpmeta_dev NAME`, bpf_program__set_flags and bpf_program__set_ifindex of libbpf).
 */
import { asksForFrameMetadata } from '../platform/index.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';

/**
 * Does Linux load it for its device alone? A program that does not ask the driver does what it would do unbound, and
 * may be loaded so where there is no such device.
 */
export function needsDevice({ devBound, kfuncs }: ProgramSpec): boolean {
  return devBound === true && asksForFrameMetadata(kfuncs);
}

/**
 * The object as a loader has it that binds every program that Linux lets it bind. Those of cpumaps and devmaps run
 * anywhere, and one in a program array may be called from anywhere: Linux takes no program of a device there
 * (bpf_prog_map_compatible in kernel/bpf/core.c).
 */
export function bindToDevice(object: ObjectSpec): ObjectSpec {
  const called = new Set(
    object.maps.flatMap(({ init }) => (init?.kind === 'programs' ? [...init.slots.values()] : [])),
  );
  const bind = (program: ProgramSpec): ProgramSpec =>
    program.type === 'xdp' && program.attach === 'xdp' && !called.has(program.name)
      ? { ...program, devBound: true }
      : program;
  return { ...object, programs: object.programs.map(bind) };
}
