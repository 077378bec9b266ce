export { Coverage, type LineCounts, lineCounts, type ProgramCounts, type Totals, totalsOf } from './coverage.js';
export { lcovText } from './lcov.js';
export { type FoundPath, type PathRunner, PathSearch } from './path-search.js';
