/**
 * The driver of Linux's simulated card (drivers/net/netdevsim/bpf.c of Linux 6.1): it accepts every program, runs
 * none, and has a knob for each thing that can be refused. Maps have two elements at most.
 *
 * It is here because the kernel's own test of offload (test_offload.py) is written for it. So what is common to all
 * drivers can be held against that test, apart from what one card can do. Order of the checks is part of it: where two
 * things are wrong, the test expects the words of the first.
 */

import type { ErrnoName } from '../../platform/index.js';
import type { DeviceLoad, DeviceMapOps, Driver, Prepared } from '../driver.js';
import { type Element, Elements } from '../elements.js';
import { u32Bytes } from '../hex.js';
import type { DeviceRecord, MapRecord, Model, NetdevRecord, ProgRecord } from '../model.js';
import { OffloadRefusal } from '../refusal.js';

/** Elements of any map: NSIM_BPF_MAX_KEYS. */
const maxKeys = 2;
/** Bytes: NSIM_XDP_MAX_MTU. */
const maxMtu = 4000;

/** A refusal in the words of NSIM_EA, which have the name of the module before them. */
function refuse(errno: ErrnoName, text?: string, hint?: string): never {
  throw new OffloadRefusal('attach', errno, {
    extack: text === undefined ? undefined : `netdevsim: ${text}`,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The hint of everything that is refused only because somebody wanted it so. */
const knob = (name: string): string => `switch it on again: jitnic device set DEVICE ${name}=1`;

/** The one driver of this kind. */
export const netdevsim: Driver = {
  mapTypes: new Set(['array', 'hash']),

  /**
   * EOPNOTSUPP, as for a driver without offload (nsim_bpf_verifier_prep). The greeting proves that hooks are called.
   */
  prepare({ device, program }: DeviceLoad): Prepared {
    if (!device.knobs.bpf_bind_accept)
      throw new OffloadRefusal('load program', 'EOPNOTSUPP', { hint: knob('bpf_bind_accept') });
    const last = program.insns.length - 1;
    const accepts = device.knobs.bpf_bind_verifier_accept;
    const nothing = (): undefined => undefined;
    return {
      hooks: {
        insn: ({ pc }, say) => {
          if (pc !== last) return undefined;
          const message = '[netdevsim] Hello from netdevsim!';
          if (!accepts) return { message, errno: 'EOPNOTSUPP', hint: knob('bpf_bind_verifier_accept') };
          say(message);
          return undefined;
        },
        finalize: nothing,
        // It has neither: what Linux rewrites marks the program, and nobody asks.
        replaceInsn: nothing,
        removeInsns: nothing,
      },
      // No code: a program of this card is shown as not jited.
      translate: () => ({ image: [], slots: [], listing: [], maxPacketOffset: -1, stackSize: 0 }),
    };
  },

  /**
   * ENOMEM for too many elements, EINVAL for flags (nsim_bpf_map_alloc). An array begins with all of its keys, however
   * few were asked for: Linux fills the table as well.
   */
  mapAlloc(_model: Model, netdev: NetdevRecord, map: MapRecord): readonly Element[] {
    if (!netdev.knobs.bpf_map_accept)
      throw new OffloadRefusal('map create', 'EOPNOTSUPP', { hint: knob('bpf_map_accept') });
    if (map.maxEntries > maxKeys)
      throw new OffloadRefusal('map create', 'ENOMEM', { hint: `a simulated card has ${maxKeys} elements a map` });
    if (map.flags !== 0) throw new OffloadRefusal('map create', 'EINVAL', { hint: 'flags of maps are not supported' });
    if (map.type !== 'array') return [];
    return Array.from({ length: maxKeys }, (_, i) => {
      return { key: u32Bytes(i), value: new Uint8Array(map.valueSize) };
    });
  },

  mapOps(model: Model, _device: DeviceRecord, map: MapRecord): DeviceMapOps {
    // Both kinds are one table of two entries; only deletion tells them apart.
    const table = new Elements(model.records, { ...map, type: 'hash' }, maxKeys);
    return {
      lookup: (key) => table.lookup(key),
      update: (key, value, flags) => table.update(key, value, flags),
      delete: (key) => {
        if (map.type === 'array') throw new OffloadRefusal('delete failed', 'EINVAL');
        table.delete(key);
      },
      next: (key) => table.next(key),
      all: () => table.all(),
    };
  },

  /** nsim_setup_prog_checks, then the knob (nsim_xdp_set_prog): the knob refuses to detach as well. */
  setupDriver(netdev: NetdevRecord, prog: ProgRecord | undefined): void {
    if (prog?.forDevice === true && prog.netdev !== '') refuse('EINVAL', 'attempt to load offloaded prog to drv');
    if (netdev.mtu > maxMtu) refuse('EINVAL', 'MTU too large w/ XDP enabled', `set an MTU of at most ${maxMtu}`);
    if (!netdev.knobs.bpf_xdpdrv_accept)
      refuse('EOPNOTSUPP', 'driver XDP disabled in DebugFS', knob('bpf_xdpdrv_accept'));
  },

  /**
   * nsim_setup_prog_hw_checks and nsim_xdp_offload_prog. EINVAL: the wrong program for this card; EBUSY: the right
   * one, but a classifier has the only place.
   */
  setupCard(_model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, matches: boolean): void {
    if (prog !== undefined && prog.netdev === '')
      refuse(
        'EINVAL',
        'xdpoffload of non-bound program',
        `load it for the card: jitnic prog load FILE PIN dev ${netdev.name}`,
      );
    if (prog !== undefined && !matches)
      refuse(
        'EINVAL',
        'program bound to different dev',
        `load it for this card: jitnic prog load FILE PIN dev ${netdev.name}`,
      );
    if (!netdev.knobs.bpf_xdpoffload_accept)
      refuse('EOPNOTSUPP', 'XDP offload disabled in DebugFS', knob('bpf_xdpoffload_accept'));
    if (prog !== undefined && netdev.xdp.hw === 0 && netdev.offloaded !== 0)
      refuse('EBUSY', 'TC program is already loaded', 'the card runs one program: take the classifier off first');
  },

  /**
   * nsim_bpf_setup_tc_block_cb. `before` is what TC believes to replace; where the card runs something else, XDP or
   * another filter put it there, and it may not be lost.
   */
  setupClassifier(_model: Model, netdev: NetdevRecord, prog: ProgRecord | undefined, before: number): void {
    if (!netdev.knobs.bpf_tc_accept)
      refuse('EOPNOTSUPP', 'netdevsim configured to reject BPF TC offload', knob('bpf_tc_accept'));
    if (prog !== undefined && prog.netdev === '' && !netdev.knobs.bpf_tc_non_bound_accept)
      refuse('EOPNOTSUPP', 'netdevsim configured to reject unbound programs', knob('bpf_tc_non_bound_accept'));
    if (netdev.offloaded !== before && prog !== undefined && netdev.offloaded !== 0)
      refuse(
        'EBUSY',
        'driver and netdev offload states mismatch',
        'the card runs one program: take off what runs there first',
      );
  },

  /** Only programs in the driver bound it, since they want a packet in one page (nsim_change_mtu). */
  checkMtu(_model: Model, netdev: NetdevRecord, mtu: number): void {
    if (netdev.xdp.drv !== 0 && mtu > maxMtu)
      throw new OffloadRefusal('set mtu', 'EBUSY', { hint: `at most ${maxMtu} with a program in the driver` });
  },
};
