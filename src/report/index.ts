export { type CoveragePage, coveragePage } from './coverage-page.js';
export type { GuardNode } from './guard-tree.js';
export { escapeHtml, number } from './html.js';
export { type ExecutedRow, type OptLine, type OptPage, type OptPageFunction, optPage } from './opt-page.js';
export { reportPage } from './page.js';
export { pageFrame } from './page-frame.js';
export {
  namesIn,
  type ReportData,
  type ReportOptions,
  type ReportTrace,
  type RunSummary,
  reportData,
  reportTrace,
  runSummary,
  traceTree,
} from './report-data.js';
export { type Axis, barChart, lineChart, type Panel, type Series } from './svg-chart.js';
export { type Moment, Timeline } from './timeline.js';
