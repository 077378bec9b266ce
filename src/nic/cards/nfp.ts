/** Netronome's network flow processors: many small cores with threads, memories at growing distances. */
import { type CardDescription, describeCard, type ParameterTree } from '../description.js';
import { assumed, measured, pcieLink, port, published } from './values.js';

const hxdpPaper = 'hXDP (OSDI 2020), related work';
const talk = "the vendor's talk at Netdev 2.2 (2017)";
const commonly = 'as commonly described; no primary source';

/** Rates of hXDP's measurements, which go with one port and the firmware of its time. */
const rates = {
  ingress: published(32.2, 'M/s', 'measured by the authors of hXDP (OSDI 2020): packets that a program drops'),
  egress: published(28.3, 'M/s', 'measured by the authors of hXDP (OSDI 2020): packets that a program sends back'),
};

/** Two parameters that were fitted to three published figures. */
const together =
  'fitted, with the waits around a program, to all published load balancers (33.0 Mpps; 24 and 40 to 43 Mpps)';

/** One memory of the hierarchy. */
function memory(
  size: number,
  latency: number,
  source: string,
  holds: readonly string[],
  atomics: number,
  remote = 0,
): ParameterTree {
  return {
    size: assumed(size, 'B', source),
    latency: assumed(latency, 'cycles', source),
    ...(remote > 0 ? { remote: assumed(remote, 'cycles', 'as far as the memory of all islands; not described') } : {}),
    ports: assumed(1, 'ports', commonly),
    atomic_units: assumed(atomics, 'units', commonly),
    holds: assumed(holds, '', commonly),
  };
}

/** A processor of the family, by its clock in MHz. */
function tree(clock: number, mac: ParameterTree): ParameterTree {
  return {
    clock: published(clock, 'MHz', hxdpPaper),
    mac: { ...mac, ...rates },
    front: {
      match: published('none', '', `${talk}: every packet runs the program`),
      entries: published(0, 'conditions', talk),
      key_bits: published(0, 'bits', talk),
      parser_depth: published(0, 'B', talk),
    },
    units: {
      cores: published(60, 'cores', hxdpPaper),
      lanes: published(1, 'lanes', hxdpPaper),
      stages: assumed(5, 'stages', commonly),
      threads: published(4, 'threads', `${talk}: 4 of 8`),
      islands: assumed(5, 'islands', `${commonly}: 12 cores each`),
    },
    core: {
      enter: assumed(50, 'cycles', 'the firmware before the program: not described'),
      leave: assumed(50, 'cycles', 'the firmware behind the program: not described'),
      branch: assumed(3, 'cycles', `${commonly}: five stages; three instructions behind a branch are lost or used`),
      waits: assumed(1400, 'cycles', together),
      helper: assumed(50, 'cycles', 'hash and comparison of a key: not described'),
      division: assumed(80, 'cycles', 'two instructions a bit and what is around them'),
    },
    lookups: {
      array: assumed(1, 'accesses', 'the description of the table'),
      hash: assumed(3, 'accesses', 'description, bucket and entry'),
      trie: assumed(5, 'accesses', 'description, and a byte of an IPv4 address a level'),
    },
    frame: { width: assumed(64, 'B', commonly) },
    limits: {
      operations: assumed(100_000, 'operations', "the driver's bound is one of instructions only"),
      stack: published(512, 'B', 'Linux, in local memory'),
      instructions: assumed(8192, 'rows', commonly),
      packet: assumed(1518, 'B', 'the longest packet that was measured'),
    },
    maps: { placement: published('far', '', `${talk}: maps in DRAM`) },
    memories: {
      local: memory(4096, 3, `${commonly}: 1 to 3 cycles`, ['stack'], 0),
      cls: memory(65_536, 35, `${commonly}: 20 to 50 cycles`, ['maps'], 1, 150),
      ctm: {
        ...memory(262_144, 75, `${commonly}: 50 to 100 cycles`, ['packet', 'maps'], 1, 135),
        latency: published(50, 'cycles', `${talk}: the packet store of the island`),
      },
      imem: memory(4_194_304, 185, `${commonly}: 120 to 250 cycles`, ['maps'], 1),
      emem: memory(2_147_483_648, 400, `${commonly}: 150 to 500 cycles, 3 MB of cache; ${together}`, ['maps'], 1),
    },
    link: { ...pcieLink, read_64: measured(640, 'ns', 'pcie-bench (SIGCOMM 2018), NFP-6000, Haswell') },
    costs: {
      install: assumed(1_000_000, 'ns', 'a program is loaded into the instruction stores; not described'),
      evict: assumed(0, 'ns', 'as written over'),
    },
  };
}

/** 60 cores at 800 MHz. */
export const nfp4000: CardDescription = describeCard(
  'nfp4000',
  'manycore',
  'Netronome NFP-4000',
  tree(800, port(40, 'Agilio CX 2x40GbE: one of its ports')),
);

/** 60 cores at 1.2 GHz. */
export const nfp6000: CardDescription = describeCard(
  'nfp6000',
  'manycore',
  'Netronome NFP-6000',
  tree(1200, port(100, 'Agilio LX 1x100GbE')),
);

const bothPorts = 'both ports of an Agilio CX 2x40GbE: what a published load balancer does is more than one sends';

/** The same with both of its ports, as load balancers were published: each port's rates twice. */
export const nfp4000TwoPorts: CardDescription = describeCard(
  'nfp4000-2x40',
  'manycore',
  'Netronome NFP-4000, both ports',
  {
    ...tree(800, port(80, bothPorts)),
    mac: {
      ...port(80, bothPorts),
      ingress: assumed(2 * 32.2, 'M/s', bothPorts),
      egress: assumed(2 * 28.3, 'M/s', bothPorts),
    },
  },
);
