// Sweeps over cards and runs: the space, what its points come to, the fronts, tables and a page.
export { type Figures, figuresOf, type Outcome, type Row } from './outcome.js';
export { sweepPage } from './page.js';
export { paretoFront } from './pareto.js';
export {
  type Axis,
  type AxisValue,
  cardWith,
  meaningOf,
  mostPoints,
  type Point,
  parseSpace,
  pointsOf,
} from './space.js';
export { type Sweep, sweepCsv, sweepJson } from './table.js';
