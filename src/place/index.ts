// An application over card, XDP, TC and user space: what it says, what its pieces cost, and where they go.
export { type Application, type AppProgram, readApplication } from './application.js';
export { type BuiltProgram, buildProblem, tablesOf } from './build.js';
export { type MeasuredProgram, measureProgram, type Passing } from './measure.js';
export type { Problem } from './model.js';
export { type Reason, type Solution, solvePlacement } from './solve.js';
