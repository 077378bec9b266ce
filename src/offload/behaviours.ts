/**
 * The behaviours of tools/testing/selftests/bpf/test_offload.py (Linux 6.1), by its names and in its order, on
 * simulated cards of jitnic. What needs what is not here (namespaces, threads of a kernel) says so.
 *
 * They are product code, not only a test: a user can run them and see what holds. Names stay those of the Python even
 * where its words are odd, so that a line here can be found there. No behaviour relies on one before it.
 */

import { attachedMode } from './attach.js';
import { addedLater, mapBehaviours } from './behaviours-maps.js';
import { Disagreement, refused, Sim, same } from './behaviours-setup.js';

/** One behaviour. */
export interface Behaviour {
  /** As test_offload.py announces it. */
  readonly name: string;
  /** Throws where it does not hold; a text: why it makes no sense here. */
  readonly run: (() => void) | string;
}

const tc: readonly Behaviour[] = [
  {
    name: 'Test destruction of generic XDP',
    run: () => {
      const sim = new Sim();
      const { name, ports } = sim.card();
      sim.setXdp(ports[0] as string, 'xdpgeneric');
      sim.progs(1);
      sim.kernel.removeDevice(name);
      sim.progs(0);
    },
  },
  {
    name: 'Test TC non-offloaded',
    run: () => {
      const { sim, dev } = one();
      sim.addFilter(dev, { skipHw: true });
      same(sim.netdev(dev).filters.length, 1, 'filters');
    },
  },
  {
    name: "Test TC non-offloaded isn't getting bound",
    run: () => {
      const { sim, dev } = one();
      sim.addFilter(dev);
      sim.bound(0);
    },
  },
  {
    name: 'Test TC offloads are off by default',
    run: () => {
      const { sim, dev } = one();
      refused(sim, () => sim.addFilter(dev, { skipSw: true }), 'EOPNOTSUPP', 'TC offload is disabled on net device');
    },
  },
  {
    name: 'Test TC offload by default',
    run: () => {
      const { sim, dev } = offloading();
      sim.kernel.set(dev, 'bpf_tc_non_bound_accept', true);
      sim.addFilter(dev);
      sim.bound(0);
      same(sim.netdev(dev).filters[0]?.inHw, true, 'in_hw');
    },
  },
  { name: 'Test TC cBPF bytcode tries offload by default', run: 'there is no classic BPF here' },
  {
    name: "Test TC cBPF unbound bytecode doesn't offload",
    run: () => {
      // Any classifier that is not bound, as there is no classic BPF here.
      const { sim, dev } = offloading();
      sim.kernel.load({ ...sim.command('sample_ret0'), type: 'sched_cls', pin: 'cls' });
      refused(
        sim,
        () => sim.kernel.addFilter(dev, { pinned: 'cls' }, { skipSw: true }),
        'EOPNOTSUPP',
        'netdevsim: netdevsim configured to reject unbound programs',
      );
    },
  },
  {
    name: 'Test non-0 chain offload',
    run: () => {
      const { sim, dev } = offloading();
      const add = (): void => sim.addFilter(dev, { chain: 1, prio: 1, handle: 1, skipSw: true });
      refused(sim, add, 'EOPNOTSUPP', 'Driver supports only offload of chain 0');
    },
  },
  {
    name: 'Test TC replace',
    run: () => {
      const { sim, dev } = offloading();
      for (const flags of [{}, { skipSw: true }, { skipHw: true }]) {
        sim.addFilter(dev, { prio: 1, handle: 1, ...flags });
        sim.addFilter(dev, { prio: 1, handle: 1, replace: true, ...flags });
        sim.progs(1);
        sim.kernel.removeFilter(dev, 1, 1);
        sim.progs(0);
      }
    },
  },
  {
    name: 'Test TC replace bad flags',
    run: () => {
      const { sim, dev } = offloading();
      for (let round = 0; round < 3; round++) {
        sim.addFilter(dev, { prio: 1, handle: 1, replace: true });
        for (const flags of [{ skipSw: true }, { skipHw: true }])
          refused(sim, () => sim.addFilter(dev, { prio: 1, handle: 1, replace: true, ...flags }), 'EINVAL');
        sim.kernel.removeFilter(dev, 1, 1);
      }
    },
  },
  {
    name: 'Test spurious extack from the driver',
    run: () => {
      // What the card refuses of a classifier that may run in software is no error, and says nothing.
      for (const sim of [one(), offloading()])
        for (const flags of [{}, { skipHw: true }]) {
          sim.sim.addFilter(sim.dev, { prio: 1, handle: 1, ...flags });
          sim.sim.addFilter(sim.dev, { prio: 1, handle: 1, replace: true, ...flags });
          sim.sim.kernel.removeFilter(sim.dev, 1, 1);
        }
    },
  },
  {
    name: 'Test TC offloads failure',
    run: () => {
      const { sim, dev, card } = offloading();
      sim.kernel.set(card, 'bpf_bind_verifier_accept', false);
      const error = refused(sim, () => sim.addFilter(dev, { skipSw: true }), 'EOPNOTSUPP');
      hello(error.log);
    },
  },
  {
    name: 'Test TC offloads work',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
    },
  },
  {
    name: 'Test TC offload basics',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
      sim.bound(1);
      sim.progs(1);
      const [filter] = sim.netdev(dev).filters;
      same([filter?.skipHw, filter?.inHw, filter?.skipSw], [false, true, true], 'skip_hw, in_hw, skip_sw');
    },
  },
  {
    name: 'Test TC offload is device-bound',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
      const [prog] = sim.bound(1);
      same(sim.netdev(dev).filters[0]?.prog, prog?.id, 'id');
      same(sim.netdev(dev).offloaded, prog?.id, 'loaded');
    },
  },
  {
    name: 'Test disabling TC offloads is rejected while filters installed',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
      refused(sim, () => sim.kernel.set(dev, 'hw-tc-offload', false), 'EBUSY');
    },
  },
  {
    name: 'Test qdisc removal frees things',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
      sim.kernel.flushFilters(dev);
      same(sim.netdev(dev).filters, [], 'filters');
      sim.progs(0);
    },
  },
  {
    name: 'Test disabling TC offloads is OK without filters',
    run: () => {
      const { sim, dev } = offloading();
      sim.kernel.set(dev, 'hw-tc-offload', false);
      same(sim.netdev(dev).tcOffload, false, 'offload');
    },
  },
  {
    name: 'Test destroying device gets rid of TC filters',
    run: () => {
      const { sim, dev, card } = offloading();
      sim.addFilter(dev, { skipSw: true });
      sim.kernel.removeDevice(card);
      sim.progs(0);
    },
  },
];

const xdp: readonly Behaviour[] = [
  {
    name: 'Test destroying device gets rid of XDP',
    run: () => {
      const { sim, dev, card } = one();
      sim.setXdp(dev, 'xdpoffload');
      sim.kernel.removeDevice(card);
      sim.progs(0);
    },
  },
  {
    name: 'Test XDP prog reporting',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpdrv');
      same(sim.attached(dev, 'drv'), sim.progs(1)[0]?.id, 'id');
    },
  },
  {
    name: 'Test XDP prog replace without force',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpdrv');
      refused(sim, () => sim.setXdp(dev, 'xdpdrv'), 'EBUSY', 'XDP program already attached');
      sim.progs(1);
    },
  },
  {
    name: 'Test XDP prog replace with force',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpdrv');
      sim.setXdp(dev, 'xdpdrv', true);
      const [prog] = sim.progs(1);
      same(sim.attached(dev, 'drv'), prog?.id, 'id');
      same(prog?.forDevice, false, 'device parameters');
    },
  },
  {
    name: 'Test XDP prog replace with bad flags',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpdrv');
      const set = (): void => sim.setXdp(dev, 'xdpgeneric', true);
      refused(sim, set, 'EEXIST', "Native and generic XDP can't be active at the same time");
    },
  },
  {
    name: 'Test MTU restrictions',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpdrv');
      refused(sim, () => sim.kernel.setMtu(dev, 9000), 'EBUSY');
      sim.unsetXdp(dev, 'xdpdrv');
      sim.progs(0);
      sim.kernel.setMtu(dev, 9000);
      refused(sim, () => sim.setXdp(dev, 'xdpdrv'), 'EINVAL', 'netdevsim: MTU too large w/ XDP enabled');
      sim.kernel.setMtu(dev, 1500);
      sim.setXdp(dev, 'xdpdrv');
    },
  },
  {
    name: 'Test non-offload XDP attaching to HW',
    run: () => {
      const { sim, dev } = one();
      sim.load('nooffload');
      const attach = (): void => sim.kernel.attach(dev, 'xdpoffload', { pinned: 'nooffload' });
      refused(sim, attach, 'EINVAL', 'netdevsim: xdpoffload of non-bound program');
    },
  },
  {
    name: 'Test offload XDP attaching to drv',
    run: () => {
      const { sim, dev } = one();
      sim.load('offload', dev);
      const attach = (): void => sim.kernel.attach(dev, 'xdpdrv', { pinned: 'offload' });
      refused(sim, attach, 'EINVAL', 'Using device-bound program without HW_MODE flag is not supported');
      sim.kernel.unpin('offload');
      sim.progs(0);
    },
  },
  {
    name: 'Test XDP load failure',
    run: () => {
      const { sim, dev, card } = one();
      sim.kernel.set(card, 'bpf_bind_verifier_accept', false);
      hello(refused(sim, () => sim.load('offload', dev), 'EOPNOTSUPP').log);
    },
  },
  {
    name: 'Test XDP offload',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpoffload');
      same(sim.attached(dev, 'hw'), sim.progs(1)[0]?.id, 'id');
    },
  },
  {
    name: 'Test XDP offload is device bound',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpoffload');
      const [prog] = sim.bound(1);
      same([prog?.netdev, sim.netdev(dev).offloaded], [dev, prog?.id], 'device, loaded');
    },
  },
  {
    name: 'Test removing XDP program many times',
    run: () => {
      const { sim, dev } = one();
      sim.setXdp(dev, 'xdpoffload');
      for (const type of ['xdpoffload', 'xdpoffload', 'xdpdrv', 'xdpdrv', 'xdp', 'xdp'] as const)
        sim.unsetXdp(dev, type);
      sim.progs(0);
    },
  },
  {
    name: 'Test attempt to use a program for a wrong device',
    run: () => {
      const { sim, dev } = one();
      const other = sim.card();
      sim.load('tmp', other.ports[0]);
      const attach = (): void => sim.kernel.attach(dev, 'xdpoffload', { pinned: 'tmp' });
      refused(sim, attach, 'EINVAL', 'netdevsim: program bound to different dev');
      sim.kernel.removeDevice(other.name);
      refused(sim, attach, 'EINVAL', 'netdevsim: xdpoffload of non-bound program');
      sim.kernel.unpin('tmp');
      sim.progs(0);
    },
  },
  ...(['xdp', 'xdpdrv', 'xdpgeneric'] as const).flatMap((type) => [
    {
      name: `Test multi-attachment XDP - ${type === 'xdp' ? 'default' : type.slice(3)} + offload`,
      run: () => {
        const { sim, dev } = one();
        sim.setXdp(dev, 'xdpoffload');
        const before = sim.netdev(dev).offloaded;
        sim.setXdp(dev, type);
        same(attachedMode(sim.netdev(dev)), 4, 'mode');
        same(sim.netdev(dev).offloaded, before, 'offloaded program');
        same(sim.progs(2)[0]?.id === sim.progs(2)[1]?.id, false, 'same numbers');
      },
    },
    {
      name: `Test multi-attachment XDP - replace (${type})`,
      run: () => {
        const { sim, dev } = both(type);
        refused(sim, () => sim.setXdp(dev, 'xdpoffload'), 'EBUSY', 'XDP program already attached');
      },
    },
    {
      name: `Test multi-attachment XDP - remove without mode (${type})`,
      run: () => {
        const { sim, dev } = both(type);
        const text = 'More than one program loaded, unset mode is ambiguous';
        refused(sim, () => sim.unsetXdp(dev, 'xdp'), 'EINVAL', text);
        sim.unsetXdp(dev, 'xdpoffload');
        same(attachedMode(sim.netdev(dev)), type === 'xdpgeneric' ? 2 : 1, 'mode');
        same(sim.netdev(dev).offloaded, 0, 'offloaded program');
      },
    },
    {
      name: `Test multi-attachment XDP - reattach (${type})`,
      run: () => {
        const { sim, dev } = both(type);
        sim.unsetXdp(dev, 'xdpoffload');
        sim.setXdp(dev, 'xdpoffload');
        same(attachedMode(sim.netdev(dev)), 4, 'mode');
      },
    },
    {
      name: `Test multi-attachment XDP - device remove (${type})`,
      run: () => {
        const { sim, card } = both(type);
        sim.kernel.removeDevice(card);
        sim.progs(0);
      },
    },
  ]),
  {
    name: 'Test mixing of TC and XDP',
    run: () => {
      const { sim, dev } = offloading();
      sim.setXdp(dev, 'xdpoffload');
      const text = 'netdevsim: driver and netdev offload states mismatch';
      refused(sim, () => sim.addFilter(dev, { skipSw: true }), 'EBUSY', text);
      sim.unsetXdp(dev, 'xdpoffload');
      sim.addFilter(dev, { skipSw: true });
      refused(sim, () => sim.setXdp(dev, 'xdpoffload'), 'EBUSY', 'netdevsim: TC program is already loaded');
    },
  },
  {
    name: 'Test binding TC from pinned',
    run: () => {
      const { sim, dev } = offloading();
      sim.kernel.load({ ...sim.command('sample_ret0'), dev, type: 'sched_cls', pin: 'tmp' });
      sim.kernel.addFilter(dev, { pinned: 'tmp' }, { skipSw: true });
      sim.kernel.flushFilters(dev);
      sim.bound(1);
    },
  },
  {
    name: 'Test binding XDP from pinned',
    run: () => {
      const { sim, dev } = one();
      sim.load('tmp2', dev);
      for (let round = 0; round < 2; round++) {
        sim.kernel.attach(dev, 'xdpoffload', { pinned: 'tmp2' }, { force: true });
        sim.unsetXdp(dev, 'xdpoffload');
      }
      sim.progs(1);
    },
  },
  {
    name: 'Test offload of wrong type fails',
    run: () => {
      const { sim, dev } = offloading();
      sim.load('tmp2', dev);
      refused(sim, () => sim.kernel.addFilter(dev, { pinned: 'tmp2' }, { skipSw: true }), 'EINVAL');
    },
  },
  {
    name: 'Test asking for TC offload of two filters',
    run: () => {
      const { sim, dev } = offloading();
      sim.addFilter(dev, { skipSw: true });
      const text = 'netdevsim: driver and netdev offload states mismatch';
      refused(sim, () => sim.addFilter(dev, { skipSw: true }), 'EBUSY', text);
    },
  },
  {
    name: 'Test if netdev removal waits for translation',
    run: 'a load is one step here: nothing can be removed while it is under way',
  },
];

/** One card with one network device. */
function one(): { readonly sim: Sim; readonly dev: string; readonly card: string } {
  const sim = new Sim();
  const { name, ports } = sim.card();
  return { sim, dev: ports[0] as string, card: name };
}

/** The same with classifiers on the card allowed. */
function offloading(): ReturnType<typeof one> {
  const made = one();
  made.sim.kernel.set(made.dev, 'hw-tc-offload', true);
  return made;
}

/** One program on the card, one beside it. */
function both(type: 'xdp' | 'xdpdrv' | 'xdpgeneric'): ReturnType<typeof one> {
  const made = one();
  made.sim.setXdp(made.dev, 'xdpoffload');
  made.sim.setXdp(made.dev, type);
  return made;
}

/** The log has to have come through the hook of the driver, and not only from the verifier. */
function hello(log: string | undefined): void {
  if (log?.split('\n').includes('[netdevsim] Hello from netdevsim!') !== true)
    throw new Disagreement('the log lacks what netdevsim says');
}

/** All of them. */
export const behaviours: readonly Behaviour[] = [...tc, ...xdp, ...mapBehaviours, ...addedLater];
