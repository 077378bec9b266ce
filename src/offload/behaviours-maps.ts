/**
 * Behaviours of test_offload.py about maps, information, and several network devices on one card. The last are the
 * reason why a program is bound to a card and not to a device: it may be attached to any of them, and outlives each.
 */
import type { Behaviour } from './behaviours.js';
import { refused, Sim, same, u32, u64 } from './behaviours-setup.js';

/** The sample with maps on a card of one network device: the array, the hash, and both. */
function mapped(): { sim: Sim; dev: string; card: string; maps: number[]; array: number; htab: number } {
  const sim = new Sim();
  const { name, ports } = sim.card();
  const dev = ports[0] as string;
  sim.setXdp(dev, 'xdpoffload', false, 'sample_map_ret0');
  const maps = sim.maps(2);
  const find = (type: string): number => maps.find((map) => map.type === type)?.id ?? 0;
  return { sim, dev, card: name, maps: maps.map(({ id }) => id), array: find('array'), htab: find('hash') };
}

/** The same with both maps full: key i has 3 i. */
function filled(): ReturnType<typeof mapped> {
  const made = mapped();
  for (const id of made.maps) for (const i of [0, 1]) made.sim.kernel.update({ id }, u32(i), u64(3 * i), 0);
  return made;
}

/** A card of one, and one of three network devices, each with the sample pinned. */
function asics(): { sim: Sim; a: string; b: readonly string[]; cards: readonly [string, string] } {
  const sim = new Sim();
  const [first, second] = [sim.card(), sim.card(3)];
  const a = first.ports[0] as string;
  sim.load('nsimA', a, 'sample_map_ret0');
  sim.load('nsimB', second.ports[0], 'sample_map_ret0');
  return { sim, a, b: second.ports, cards: [first.name, second.name] };
}

/** The same with the programs on all of them. */
function attached(): ReturnType<typeof asics> {
  const made = asics();
  made.sim.kernel.attach(made.a, 'xdpoffload', { pinned: 'nsimA' });
  for (const dev of made.b) made.sim.kernel.attach(dev, 'xdpoffload', { pinned: 'nsimB' });
  return made;
}

/** One is the kernel's word (a map), the other the driver's (a program): which is said tells who refused. */
const mismatch = 'offload device mismatch between prog and map';
const different = 'netdevsim: program bound to different dev';

/** About maps, in the order of test_offload.py. */
export const mapBehaviours: readonly Behaviour[] = [
  { name: 'Test loading program with maps', run: () => void mapped() },
  {
    name: 'Test bpftool bound info reporting (own ns)',
    run: () => {
      const { sim, dev } = mapped();
      same(sim.progs(1)[0]?.netdev, dev, 'device of the program');
      same(
        sim.maps(2).map(({ netdev }) => netdev),
        [dev, dev],
        'devices of the maps',
      );
    },
  },
  { name: 'Test bpftool bound info reporting (other ns)', run: 'there are no namespaces here' },
  { name: 'Test bpftool bound info reporting (remote ns)', run: 'there are no namespaces here' },
  { name: 'Test bpftool bound info reporting (back to own ns)', run: 'there are no namespaces here' },
  {
    name: 'Test bpftool bound info reporting (removed dev)',
    run: () => {
      const { sim, card, array } = mapped();
      sim.kernel.pin('prog', { id: sim.progs(1)[0]?.id ?? 0 }, 'tmp_prog');
      sim.kernel.pin('map', { id: array }, 'tmp_map');
      sim.kernel.removeDevice(card);
      sim.progs(0);
      sim.maps(0);
      refused(sim, () => void sim.kernel.prog({ pinned: 'tmp_prog' }), 'ENODEV');
      refused(sim, () => void sim.kernel.map({ pinned: 'tmp_map' }), 'ENODEV');
    },
  },
  {
    name: 'Test map update (no flags)',
    run: () => {
      const { sim, maps } = filled();
      for (const id of maps) refused(sim, () => sim.kernel.update({ id }, u32(3), u64(9), 0), 'E2BIG');
    },
  },
  {
    name: 'Test map update (exists)',
    run: () => {
      const { sim, maps } = filled();
      for (const id of maps) {
        for (const i of [0, 1]) sim.kernel.update({ id }, u32(i), u64(3 * i), 2);
        refused(sim, () => sim.kernel.update({ id }, u32(3), u64(9), 2), 'ENOENT');
      }
    },
  },
  {
    name: 'Test map update (noexist)',
    run: () => {
      const { sim, maps } = filled();
      for (const id of maps)
        for (const i of [0, 1]) refused(sim, () => sim.kernel.update({ id }, u32(i), u64(3 * i), 1), 'EEXIST');
    },
  },
  {
    name: 'Test map dump',
    run: () => {
      const { sim, maps } = filled();
      for (const id of maps) {
        const dumped = sim.kernel.dump({ id }).map(({ key, value }) => [key[0], value[0]]);
        same(
          dumped,
          [
            [0, 0],
            [1, 3],
          ],
          'elements',
        );
      }
    },
  },
  {
    name: 'Test map getnext',
    run: () => {
      const { sim, maps } = filled();
      for (const id of maps) {
        same(sim.kernel.next({ id }, undefined)[0], 0, 'first key');
        same(sim.kernel.next({ id }, u32(0))[0], 1, 'second key');
        refused(sim, () => void sim.kernel.next({ id }, u32(1)), 'ENOENT');
      }
    },
  },
  {
    name: 'Test map delete (htab)',
    run: () => {
      const { sim, htab } = filled();
      for (const i of [0, 1]) sim.kernel.delete({ id: htab }, u32(i));
      same(sim.kernel.dump({ id: htab }).length, 0, 'elements');
    },
  },
  {
    name: 'Test map delete (array)',
    run: () => {
      const { sim, htab, array } = filled();
      for (const i of [0, 1]) {
        sim.kernel.delete({ id: htab }, u32(i));
        // The selftest asks the hash a second time; an array refuses as well.
        refused(sim, () => sim.kernel.delete({ id: htab }, u32(i)), 'ENOENT');
        refused(sim, () => sim.kernel.delete({ id: array }, u32(i)), 'EINVAL');
      }
    },
  },
  {
    name: 'Test map remove',
    run: () => {
      const { sim, dev } = filled();
      sim.unsetXdp(dev, 'xdpoffload');
      sim.maps(0);
      const second = filled();
      second.sim.kernel.removeDevice(second.card);
      second.sim.maps(0);
      same(
        [...second.sim.kernel.model.records.entries()].filter(([key]) => key.startsWith('elem/')),
        [],
        'elements',
      );
    },
  },
  {
    name: 'Test map creation fail path',
    run: () => {
      const sim = new Sim();
      const dev = sim.card().ports[0] as string;
      sim.kernel.set(dev, 'bpf_map_accept', false);
      refused(sim, () => sim.setXdp(dev, 'xdpoffload', false, 'sample_map_ret0'), 'EOPNOTSUPP');
    },
  },
  { name: 'Test multi-dev ASIC program reuse', run: () => void attached() },
  {
    name: 'Test multi-dev ASIC cross-dev replace',
    run: () => {
      const { sim, a, b } = attached();
      const set = (dev: string, pinned: string) => (): void =>
        sim.kernel.attach(dev, 'xdpoffload', { pinned }, { force: true });
      refused(sim, set(a, 'nsimB'), 'EINVAL', different);
      for (const dev of b) refused(sim, set(dev, 'nsimA'), 'EINVAL', different);
    },
  },
  {
    name: 'Test multi-dev ASIC cross-dev install',
    run: () => {
      const { sim, a, b } = asics();
      const set = (dev: string, pinned: string) => (): void =>
        sim.kernel.attach(dev, 'xdpoffload', { pinned }, { force: true });
      refused(sim, set(a, 'nsimB'), 'EINVAL', different);
      for (const dev of b) refused(sim, set(dev, 'nsimA'), 'EINVAL', different);
    },
  },
  {
    name: 'Test multi-dev ASIC cross-dev map reuse',
    run: () => {
      const { sim, a, b } = asics();
      const mapOf = (pinned: string): number => sim.kernel.prog({ pinned }).mapIds[0] ?? 0;
      const [mapA, mapB] = [mapOf('nsimA'), mapOf('nsimB')];
      sim.load('nsimB_', b[2], 'sample_map_ret0', mapB);
      same(sim.kernel.prog({ pinned: 'nsimB_' }).mapIds[0], mapB, 'map');
      sim.kernel.unpin('nsimB_');
      refused(sim, () => sim.load('nsimA_', a, 'sample_map_ret0', mapB), 'EINVAL', mismatch);
      refused(sim, () => sim.load('nsimB_', b[0], 'sample_map_ret0', mapA), 'EINVAL', mismatch);
    },
  },
  {
    name: 'Test multi-dev ASIC cross-dev destruction',
    run: () => {
      const { sim, b, cards } = attached();
      sim.progs(2);
      sim.kernel.removeDevice(cards[0]);
      sim.progs(1);
      same(sim.kernel.prog({ pinned: 'nsimB' }).netdev, b[0], 'device');
      sim.kernel.removeDevice(b[0] as string);
      sim.progs(1);
    },
  },
  {
    name: 'Test multi-dev ASIC cross-dev destruction - move',
    run: () => {
      const { sim, b } = attached();
      const now = (): string => sim.kernel.prog({ pinned: 'nsimB' }).netdev;
      sim.kernel.removeDevice(b[0] as string);
      same(b.slice(1).includes(now()), true, 'on another device');
      sim.kernel.removeDevice(b[1] as string);
      same(now(), b[2], 'device');
    },
  },
  {
    name: 'Test multi-dev ASIC cross-dev destruction - orphaned',
    run: () => {
      const { sim, cards } = attached();
      for (const card of cards) sim.kernel.removeDevice(card);
      sim.progs(0);
      const error = refused(sim, () => void sim.kernel.prog({ pinned: 'nsimB' }), 'ENODEV');
      same(error.message, "can't get prog info: No such device", 'text');
    },
  },
];

/** What no selftest has: programs of the host, and maps of a card. */
export const addedLater: readonly Behaviour[] = [
  {
    name: 'a program of the host is refused a map of a card',
    run: () => {
      const { sim, htab } = mapped();
      refused(sim, () => sim.load('host', undefined, 'sample_map_ret0', htab), 'EINVAL', mismatch);
    },
  },
  {
    name: 'two programs share a map of their card',
    run: () => {
      const { sim, dev, htab } = mapped();
      sim.load('second', dev, 'sample_map_ret0', htab);
      same(sim.kernel.prog({ pinned: 'second' }).mapIds[0], htab, 'map');
      sim.kernel.unpin('second');
      sim.maps(2);
    },
  },
  {
    name: 'a program that the card refuses goes to the driver where that is allowed, and says why',
    run: () => {
      const sim = new Sim();
      const { name, ports } = sim.card();
      const dev = ports[0] as string;
      sim.kernel.set(name, 'bpf_bind_verifier_accept', false);
      const command = { ...sim.command('sample_ret0'), dev, attach: { dev, type: 'xdpoffload' as const } };
      const answer = sim.kernel.load({ ...command, offload: 'preferred' });
      same(answer.fallback, '[netdevsim] Hello from netdevsim!', 'reason');
      same(sim.attached(dev, 'drv'), answer.prog.id, 'in the driver');
    },
  },
];
