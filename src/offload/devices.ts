/**
 * Cards and their network devices come and go (bpf_offload_dev_netdev_register and _unregister in
 * kernel/bpf/offload.c). A program is loaded for a network device, but it lives on the card behind it. So what was
 * bound to a device that goes moves to another one of the same card. With the last one it is orphaned.
 *
 * Invariants:
 * 1. What is bound names a network device that is there, or none. Its card is found through that device only.
 * 2. An orphan never gets a device again, not even when a card of the same name comes: the driver's part of it is
 *    gone.
 * 3. An orphan keeps its number while something holds it. Lists leave it out, and asking for it is ENODEV.
 */
import { shippedCard } from '../nic/index.js';
import type { CapabilityName } from './capabilities.js';
import { capabilityNames } from './capabilities.js';
import { Elements } from './elements.js';
import type { DeviceKnobs, DeviceRecord, DriverName, Model, NetdevRecord, PortKnobs } from './model.js';
import { OffloadRefusal } from './refusal.js';

/** A card that is to be there. */
export interface DeviceRequest {
  readonly name: string;
  /** `netdevsim`, or the name of a card model. */
  readonly card: string;
  /** Network devices; default 1. They are called `NAMEp0`, `NAMEp1`, ... */
  readonly ports?: number;
  /** Capabilities that its firmware lacks from the start. */
  readonly off?: readonly CapabilityName[];
}

/** As nsim_bpf_init leaves them. Unbound classifiers alone are refused: a card could not run one. */
const portKnobs: PortKnobs = {
  bpf_xdpdrv_accept: true,
  bpf_xdpoffload_accept: true,
  bpf_map_accept: true,
  bpf_tc_accept: true,
  bpf_tc_non_bound_accept: false,
};
/** Of the whole card, since programs are bound to the card and not to a port. */
const deviceKnobs: DeviceKnobs = { bpf_bind_accept: true, bpf_bind_verifier_accept: true };

/**
 * Adds a card; its network devices' names. EEXIST where a name is taken, EINVAL where no driver knows such a card. The
 * number of a device (ifindex) is never given twice, so a stale one can't mean another device.
 */
export function addDevice(model: Model, { name, card, ports = 1, off = [] }: DeviceRequest): readonly string[] {
  const fail = (errno: 'EEXIST' | 'EINVAL', hint: string): never => {
    throw new OffloadRefusal('device add', errno, { hint });
  };
  if (model.find('device', name) !== undefined) fail('EEXIST', `\`${name}\` is there already`);
  const driver = driverFor(card);
  if (driver === undefined)
    return fail('EINVAL', `\`${card}\` is no card with a driver: netdevsim, or one of \`jitnic card list\``);
  if (driver !== 'nfp' && off.length > 0) fail('EINVAL', `\`${card}\` has no firmware that would lack \`${off[0]}\``);
  model.put('device', name, { name, driver, card: driver === 'netdevsim' ? '' : card, off, knobs: deviceKnobs });
  const names = Array.from({ length: ports }, (_, i) => `${name}p${i}`);
  for (const port of names) {
    if (model.find('netdev', port) !== undefined) fail('EEXIST', `there is a network device \`${port}\` already`);
    model.put('netdev', port, {
      name: port,
      ifindex: model.nextId('ifindex'),
      device: name,
      mtu: 1500,
      xdp: { skb: 0, drv: 0, hw: 0 },
      knobs: portKnobs,
      tcOffload: false,
      filters: [],
      offloaded: 0,
    });
  }
  return names;
}

/** Who drives a card. The software card is no device: it is this process. */
function driverFor(card: string): DriverName | undefined {
  if (card === 'netdevsim') return 'netdevsim';
  const kind = shippedCard(card)?.kind;
  return kind === 'manycore' ? 'nfp' : kind === undefined ? undefined : 'jitnic';
}

/**
 * Network devices of a card, the one that came last first: in this order others take over. Linux puts a new device at
 * the front of the card's list, and takes the heir from the front.
 */
export function portsOf(model: Model, device: string): NetdevRecord[] {
  return model
    .all('netdev')
    .filter((netdev) => netdev.device === device)
    .sort((a, b) => b.ifindex - a.ifindex);
}

/**
 * Takes a network device away, with the programs that are attached there; with the last one the card is empty.
 * The device's record goes first, so that it can't be its own heir. Elements of an orphaned map go with the card's
 * memory: nobody can read them any more.
 */
export function removePort(model: Model, name: string): void {
  const { device } = model.get('netdev', name, 'device remove');
  model.delete('netdev', name);
  const [other] = portsOf(model, device);
  for (const prog of model.all('prog'))
    if (prog.netdev === name) model.put('prog', prog.id, { ...prog, netdev: other?.name ?? '' });
  for (const map of model.all('map')) {
    if (map.netdev !== name) continue;
    if (other === undefined) new Elements(model.records, map).clear();
    model.put('map', map.id, { ...map, netdev: other?.name ?? '' });
  }
}

/**
 * Takes a card away with all of its network devices. Programs move from one to the next, and are orphaned at the last.
 */
export function removeDevice(model: Model, name: string): void {
  model.get('device', name, 'device remove');
  for (const port of portsOf(model, name)) removePort(model, port.name);
  model.delete('device', name);
}

/**
 * Switches a capability or a knob: of the card, or of one of its network devices. A card's knob may be said by the
 * name of one of its devices. What is loaded already stays: capabilities are asked when a program is loaded, as in
 * Linux.
 */
export function setKnob(model: Model, name: string, knob: string, on: boolean): void {
  const netdev = model.find('netdev', name);
  if (netdev !== undefined && knob in portKnobs) {
    model.put('netdev', name, { ...netdev, knobs: { ...netdev.knobs, [knob]: on } });
    return;
  }
  const device = model.get('device', netdev?.device ?? name, 'device set');
  if (knob in deviceKnobs) model.put('device', device.name, { ...device, knobs: { ...device.knobs, [knob]: on } });
  else if (capabilityNames.some((each) => each === knob)) switchCapability(model, device, knob as CapabilityName, on);
  else {
    const known = [...Object.keys(deviceKnobs), ...Object.keys(portKnobs), ...capabilityNames];
    throw new OffloadRefusal('device set', 'EINVAL', { hint: `what can be set: ${known.join(', ')}` });
  }
}

/** Only what is missing is kept, so a card with all of its capabilities has an empty list. */
function switchCapability(model: Model, device: DeviceRecord, name: CapabilityName, on: boolean): void {
  const off = device.off.filter((each) => each !== name);
  model.put('device', device.name, { ...device, off: on ? off : [...off, name] });
}
