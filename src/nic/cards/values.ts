/** How the shipped descriptions write a parameter: its basis is the function's name. */
import type { Parameter, ParameterTree, ParameterValue } from '../description.js';
import type { Basis } from '../parameters.js';

type Make = (value: ParameterValue, unit: string, source: string) => Parameter;

function known(basis: Basis): Make {
  return (value, unit, source) => ({ value, unit, basis, source });
}

/** Somebody measured it; the source says who. */
export const measured: Make = known('measured');
/** A publication says so. */
export const published: Make = known('published');
/** Nobody says so: a parameter to vary. */
export const assumed: Make = known('assumed');

const pcieBench = 'pcie-bench (SIGCOMM 2018), NFP-6000, Gen3 x8, Haswell';

/** PCIe as pcie-bench measured it. */
export const pcieLink: ParameterTree = {
  read_64: measured(640, 'ns', pcieBench),
  read_2048: measured(1226, 'ns', pcieBench),
  write_read_64: measured(800, 'ns', pcieBench),
  p999: measured(1000, 'ns', `${pcieBench}: 650 to 1000`),
  reads_64: measured(55.96, 'M/s', 'pcie-bench, DMA reads of 64 B'),
  reads_1024: measured(6, 'M/s', 'pcie-bench, DMA reads of 1 KiB'),
  message: assumed(30, 'ns', "a ring that a core polls: a line that misses the core's caches, less overlap"),
  queue: assumed(1024, 'packets', 'a ring of descriptors'),
};

const ccix = 'Tamimi et al., CCIX (FCCM 2022)';

/** A link that keeps caches coherent: what was published of it beside PCIe, and PCIe's figures. */
export const coherentLink: ParameterTree = {
  read_64: published(429, 'ns', `${ccix}: small reads a third below PCIe's, of pcie-bench's 640 ns`),
  read_2048: assumed(1015, 'ns', "PCIe's, as much lower as 64 bytes are: the rest is bytes"),
  write_read_64: published(640, 'ns', `${ccix}: small writes a third above PCIe's, of 160 ns; and a read`),
  p999: assumed(670, 'ns', "PCIe's spread over the lower median"),
  reads_64: assumed(55.96, 'M/s', 'as PCIe: the same wires'),
  reads_1024: assumed(6, 'M/s', 'as PCIe: the same wires'),
  message: assumed(0, 'ns', 'cache controllers take them'),
  queue: assumed(1024, 'packets', 'a ring of descriptors'),
};

const replication = 'Xu et al., State-Compute Replication (NSDI 2025): for up to 128 cores';

/** The published sequencer of state-compute replication. */
export const historyRing: ParameterTree = {
  clock: published(340, 'MHz', replication),
  rows: published(128, 'rows', replication),
  row_bits: published(112, 'bits', replication),
};

/** A port of so many Gb/s. */
export function port(rate: number, source: string): ParameterTree {
  return {
    rate: published(rate, 'Gb/s', source),
    queue: assumed(512, 'packets', 'some 32 KB of the shortest packets'),
  };
}
