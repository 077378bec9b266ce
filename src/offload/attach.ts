/**
 * Which program runs where: generic, in the driver, on the card, and what may coexist (dev_xdp_attach and
 * dev_xdp_install in net/core/dev.c, bpf_prog_get_type_dev in kernel/bpf/syscall.c of Linux 6.1).
 *
 * A network device has three places. Generic and driver exclude each other, since both are the host's; the card is
 * beside either, and packets meet it first. Three parties may refuse, in this order: who looks the program up, the
 * network core, and the driver. Which one it was can be told by its words, so the order is kept.
 */
import type { ErrnoName } from '../platform/index.js';
import { driverOf } from './drivers.js';
import type { Model, NetdevRecord, ProgRecord, XdpMode } from './model.js';
import { OffloadRefusal } from './refusal.js';

/** Modes by bpftool's words; `xdp` lets the kernel choose. */
export const attachTypes = ['xdp', 'xdpgeneric', 'xdpdrv', 'xdpoffload'] as const;

/** One of {@link attachTypes}. */
export type AttachType = (typeof attachTypes)[number];

/** How to attach. */
export interface AttachOptions {
  /** Take the place of what is there; else that is refused. */
  readonly force?: boolean;
  /** Number of the program that has to be there now (XDP_FLAGS_REPLACE); 0: none. */
  readonly expected?: number;
}

const modes: Readonly<Record<Exclude<AttachType, 'xdp'>, XdpMode>> = {
  xdpgeneric: 'skb',
  xdpdrv: 'drv',
  xdpoffload: 'hw',
};

/** A refusal in the kernel's words; `hint` is ours. */
function refuse(errno: ErrnoName, extack?: string, hint?: string): never {
  throw new OffloadRefusal('attach', errno, { extack, ...(hint === undefined ? {} : { hint }) });
}

/** Programs that are attached, in any mode. */
function countOf({ xdp }: NetdevRecord): number {
  return Object.values(xdp).filter((id) => id !== 0).length;
}

/** Is the program bound to the card that the network device belongs to (bpf_offload_dev_match)? */
export function isBoundTo(model: Model, prog: Pick<ProgRecord, 'forDevice' | 'netdev'>, device: string): boolean {
  return prog.forDevice && prog.netdev !== '' && model.find('netdev', prog.netdev)?.device === device;
}

/** Attaches a program to a network device, or with `undefined` takes off what is there in that mode. */
export function attachXdp(
  model: Model,
  name: string,
  type: AttachType,
  prog: ProgRecord | undefined,
  { force = false, expected }: AttachOptions = {},
): void {
  const netdev = model.get('netdev', name, 'attach');
  const mode = type === 'xdp' ? 'drv' : modes[type];
  if (prog !== undefined && prog.type !== 'xdp') refuse('EINVAL', undefined, 'it is no XDP program');
  // A program for a card is none for the kernel's own hook (bpf_prog_get_ok).
  if (prog?.forDevice === true && mode === 'skb')
    refuse('EINVAL', undefined, 'a program for a card runs on the card: xdpoffload');
  if (type === 'xdp' && countOf(netdev) > 1)
    refuse(
      'EINVAL',
      'More than one program loaded, unset mode is ambiguous',
      'say which: xdpgeneric, xdpdrv or xdpoffload',
    );
  const current = netdev.xdp[mode];
  if (expected !== undefined && current !== expected) refuse('EEXIST', 'Active program does not match expected');
  if (prog !== undefined && !force && expected === undefined && current !== 0)
    refuse('EBUSY', 'XDP program already attached', 'overwrite it: `overwrite`');
  // The driver is not asked for what is so already.
  if ((prog?.id ?? 0) === current) return;
  install(model, netdev, mode, prog);
}

/** Asks the driver, and notes what it took. */
function install(model: Model, netdev: NetdevRecord, mode: XdpMode, prog: ProgRecord | undefined): void {
  const other = mode === 'skb' ? 'drv' : 'skb';
  if (prog !== undefined && mode !== 'hw') {
    if (netdev.xdp[other] !== 0)
      refuse('EEXIST', "Native and generic XDP can't be active at the same time", 'detach the other first');
    if (prog.forDevice)
      refuse(
        'EINVAL',
        'Using device-bound program without HW_MODE flag is not supported',
        'attach it with xdpoffload, or load it without `dev`',
      );
  }
  const driver = driverOf(model.get('device', netdev.device, 'attach'));
  if (mode === 'drv') driver.setupDriver(netdev, prog);
  if (mode === 'hw') driver.setupCard(model, netdev, prog, prog === undefined || isBoundTo(model, prog, netdev.device));
  const id = prog?.id ?? 0;
  // Taking off what is not there changes nothing on the card.
  const offloaded = mode === 'hw' && (id !== 0 || netdev.xdp.hw !== 0) ? id : netdev.offloaded;
  model.put('netdev', netdev.name, { ...netdev, xdp: { ...netdev.xdp, [mode]: id }, offloaded });
}

/**
 * What `ip link` and bpftool say of a network device: the mode's number (XDP_ATTACHED_*), 4 where there are several
 * (of include/uapi/linux/if_link.h).
 */
export function attachedMode({ xdp }: NetdevRecord): 0 | 1 | 2 | 3 | 4 {
  const attached = Object.values(xdp).filter((id) => id !== 0).length;
  if (attached > 1) return 4;
  return xdp.drv !== 0 ? 1 : xdp.skb !== 0 ? 2 : xdp.hw !== 0 ? 3 : 0;
}

/** Sets the longest packet of a network device, where its programs allow that. */
export function setMtu(model: Model, name: string, mtu: number): void {
  const netdev = model.get('netdev', name, 'set mtu');
  driverOf(model.get('device', netdev.device, 'set mtu')).checkMtu(model, netdev, mtu);
  model.put('netdev', name, { ...netdev, mtu });
}
