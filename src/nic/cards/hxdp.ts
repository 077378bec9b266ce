/** hXDP's core, as published on a NetFPGA SUME, and in the form that was shown on an Alveo U50. */
import { type CardDescription, describeCard, type Parameter, type ParameterTree } from '../description.js';
import { assumed, measured, pcieLink, port, published } from './values.js';

const paper = 'hXDP (OSDI 2020)';

/** What both forms share, by lanes and clock. */
function tree(clock: number, lanes: number, mac: ParameterTree, source: string, leave: Parameter): ParameterTree {
  return {
    clock: published(clock, 'MHz', source),
    mac,
    front: {
      match: published('none', '', `${paper} 4: every packet runs the program`),
      entries: published(0, 'conditions', `${paper} 4`),
      key_bits: published(0, 'bits', `${paper} 4`),
      parser_depth: published(0, 'B', `${paper} 4`),
    },
    units: {
      cores: published(1, 'cores', `${paper} 4`),
      lanes: published(lanes, 'lanes', source),
      stages: published(4, 'stages', `${paper} 4: fetch, decode, execute, commit`),
      threads: published(1, 'threads', `${paper} 4`),
    },
    frame: { width: published(32, 'B', `${paper} 4`) },
    core: {
      enter: measured(2, 'cycles', `${paper}: DROP at 52.2 Mpps is 3 cycles, one of them its row`),
      leave,
      leave_early: measured(0, 'cycles', `${paper}: DROP with early exit, 3 cycles`),
      branch: assumed(2, 'cycles', 'no prediction, and a branch is known in the third of 4 stages'),
    },
    limits: {
      operations: assumed(1_000_000, 'operations', "the verifier's bound"),
      stack: published(512, 'B', `${paper} 4`),
      instructions: published(256, 'rows', `${paper} 4: 256 rows of 64 bits a lane`),
      packet: assumed(1518, 'B', 'the longest packet that was measured'),
    },
    memories: {
      packet: {
        size: assumed(16_384, 'B', 'two packets under way'),
        latency: published(1, 'cycles', `${paper} 4`),
        ports: published(4, 'ports', `${paper} 4`),
        atomic_units: assumed(0, 'units', 'not described'),
        holds: published(['packet'], '', `${paper} 4`),
      },
      maps: {
        size: assumed(262_144, 'B', 'block RAM; the paper does not say how much'),
        latency: published(1, 'cycles', `${paper} 4: keys up to 32 B are compared and hashed in a cycle`),
        ports: published(4, 'ports', `${paper} 4`),
        atomic_units: assumed(1, 'units', 'not described'),
        holds: published(['maps', 'keys'], '', `${paper} 4`),
      },
      registers: {
        size: published(600, 'B', `${paper} 4: 11 registers of 8 B and a stack of 512 B`),
        latency: published(1, 'cycles', `${paper} 4`),
        ports: assumed(lanes, 'ports', 'one a lane'),
        atomic_units: assumed(0, 'units', 'not described'),
        holds: published(['stack'], '', `${paper} 4`),
      },
    },
    link: pcieLink,
    costs: {
      install: assumed(1000, 'ns', 'a program is written over the link; not described'),
      evict: assumed(0, 'ns', 'as written over'),
    },
  };
}

/** As published: 4 lanes at 156.25 MHz. */
export const hxdp: CardDescription = describeCard(
  'hxdp',
  'vliw',
  'VLIW core of hXDP, NetFPGA SUME',
  tree(
    156.25,
    4,
    port(40, 'NetFPGA SUME: four ports of 10 Gb/s'),
    `${paper} 4`,
    measured(4, 'cycles', `${paper}: TX at 22.4 Mpps is 7 cycles; n helper calls are n + 6`),
  ),
);

/** On an Alveo U50: 2 lanes at 250 MHz. */
export const hxdpU50: CardDescription = describeCard(
  'hxdp-u50',
  'vliw',
  'VLIW core of hXDP with two lanes, Alveo U50',
  tree(
    250,
    2,
    port(100, 'Alveo U50: one port of 100 Gb/s'),
    "hXDP's core on a U50: 250 MHz, 2 lanes",
    published(2, 'cycles', 'hXDP on a U50: at least 5 cycles for a forward, 3 for a drop'),
  ),
);
