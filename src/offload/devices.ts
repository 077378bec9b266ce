/**
 * Cards and their network devices come and go (bpf_offload_dev_netdev_register and _unregister in kernel/bpf/offload.c).
 * What was bound to a network device that goes moves to another one of the same card; with the last one it is orphaned.
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
  /** `netdevsim`, or the name of a card model of many cores. */
  readonly card: string;
  /** Network devices; default 1. They are called `NAMEp0`, `NAMEp1`, ... */
  readonly ports?: number;
  readonly off?: readonly CapabilityName[];
}

const portKnobs: PortKnobs = {
  bpf_xdpdrv_accept: true,
  bpf_xdpoffload_accept: true,
  bpf_map_accept: true,
  bpf_tc_accept: true,
  bpf_tc_non_bound_accept: false,
};
const deviceKnobs: DeviceKnobs = { bpf_bind_accept: true, bpf_bind_verifier_accept: true };

/** Adds a card; its network devices' names. */
export function addDevice(model: Model, { name, card, ports = 1, off = [] }: DeviceRequest): readonly string[] {
  const fail = (errno: 'EEXIST' | 'EINVAL', hint: string): never => {
    throw new OffloadRefusal('device add', errno, { hint });
  };
  if (model.find('device', name) !== undefined) fail('EEXIST', `\`${name}\` is there already`);
  const isKnown = card === 'netdevsim' || shippedCard(card)?.kind === 'manycore';
  if (!isKnown)
    fail('EINVAL', `\`${card}\` is no card with a driver: netdevsim, or one of many cores (\`jitnic card list\`)`);
  const driver: DriverName = card === 'netdevsim' ? 'netdevsim' : 'nfp';
  model.put('device', name, { name, driver, card: driver === 'nfp' ? card : '', off, knobs: deviceKnobs });
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

/** Network devices of a card, the one that came last first: in this order others take over. */
export function portsOf(model: Model, device: string): NetdevRecord[] {
  return model
    .all('netdev')
    .filter((netdev) => netdev.device === device)
    .sort((a, b) => b.ifindex - a.ifindex);
}

/** Takes a network device away, with the programs that are attached there; with the last one the card is empty. */
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

/** Takes a card away with all of its network devices. */
export function removeDevice(model: Model, name: string): void {
  model.get('device', name, 'device remove');
  for (const port of portsOf(model, name)) removePort(model, port.name);
  model.delete('device', name);
}

/** Switches a capability or a knob: of the card, or of one of its network devices. */
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

function switchCapability(model: Model, device: DeviceRecord, name: CapabilityName, on: boolean): void {
  const off = device.off.filter((each) => each !== name);
  model.put('device', device.name, { ...device, off: on ? off : [...off, name] });
}
