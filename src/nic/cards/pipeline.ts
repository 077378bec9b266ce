/** A pipelined card with a match table in front, after eHDL's pipelines: the card of the timed model. */
import { type CardDescription, describeCard, type ParameterTree } from '../description.js';
import { assumed, coherentLink, historyRing, measured, pcieLink, port, published } from './values.js';

const ehdl = 'eHDL (ASPLOS 2023)';

/** The card behind a link. */
const behind = (link: ParameterTree): ParameterTree => {
  return {
    clock: published(250, 'MHz', ehdl),
    mac: port(100, `${ehdl}: 148 Mpps`),
    front: {
      match: assumed('ternary', '', 'path conditions become ternary rows'),
      entries: assumed(256, 'conditions', 'a size to vary; Program Warping has 64'),
      key_bits: assumed(1024, 'bits', '16 fields of 8 B; Program Warping has 16 B'),
      parser_depth: published(128, 'B', 'Program Warping (ATC 2022)'),
      cycles: assumed(12, 'cycles', '12 key stages in Program Warping'),
    },
    units: {
      cores: published(1, 'cores', ehdl),
      lanes: assumed(4, 'lanes', 'slots of a stage; 15 is the most that eHDL needed'),
      stages: assumed(128, 'stages', 'eHDL: 48 to 137 by program'),
      threads: published(1, 'threads', ehdl),
    },
    frame: { width: published(64, 'B', ehdl) },
    limits: {
      operations: assumed(512, 'operations', '128 stages of 4 slots'),
      memory_operations: assumed(32, 'operations', 'memory stages among the 128'),
      passes: assumed(4, 'passes', 'a packet goes round; each pass is a place in the stream'),
      stack: published(512, 'B', 'Linux'),
      instructions: assumed(128, 'rows', 'a stage is a row'),
      packet: assumed(1518, 'B', 'Ethernet'),
    },
    hazards: {
      strategy: published('flush', '', ehdl),
      reload: published(4, 'cycles', ehdl),
      parked: assumed(512, 'packets', 'as many as in front of the card'),
      slow_path: assumed('stall', '', 'host and card see one memory; what orders them otherwise is not modelled'),
    },
    memories: {
      maps: {
        size: assumed(4_194_304, 'B', 'block and ultra RAM of a U50, a part of it'),
        latency: assumed(2, 'cycles', 'block RAM with an output register'),
        ports: assumed(2, 'ports', 'block RAM has two'),
        atomic_units: published(1, 'units', `${ehdl}: an atomic block a counter`),
        holds: assumed(['maps', 'keys'], '', 'maps on the card'),
      },
      frames: {
        size: assumed(65_536, 'B', 'as many frames as stages'),
        latency: measured(0, 'cycles', 'a load at a constant offset is wires (yosys)'),
        ports: assumed(4, 'ports', 'as slots'),
        atomic_units: assumed(0, 'units', 'none needed'),
        holds: published(['packet', 'stack'], '', `${ehdl}: state travels with the packet`),
      },
    },
    link,
    sequencer: historyRing,
    costs: {
      install: assumed(1000, 'ns', 'some kilobytes over the link'),
      evict: assumed(100, 'ns', 'one write'),
    },
  };
};

/** 256 conditions of 16 fields of 8 bytes in front of a pipeline at 250 MHz. */
export const pipeline: CardDescription = describeCard(
  'pipeline',
  'pipeline',
  'match table and pipeline of VLIW stages',
  behind(pcieLink),
);

/** The same behind a link that keeps caches coherent. */
export const pipelineCoherent: CardDescription = describeCard(
  'pipeline-coherent',
  'pipeline',
  'the same behind a cache-coherent link',
  behind(coherentLink),
);
