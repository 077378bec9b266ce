export { Debugger, type DebuggerOptions, type StepKind, type StopReason } from './debugger.js';
export { type Ending, Execution, type ExecutionOptions, type StepPlace } from './execution.js';
export { type Expression, parseExpression, type Value } from './expression.js';
export { LineTable, type SourcePlace } from './lines.js';
export type { ElementView, MapView } from './map-snapshot.js';
export { type Paint, Panels, type SourceReader } from './panels.js';
export { type Stop, type StopPlace, type StopRules, stopText } from './stops.js';
export { plainText } from './symbols.js';
export {
  type FieldView,
  type HeaderView,
  type PacketView,
  packetView,
  type RegisterView,
  registerViews,
  type SlotView,
  stackViews,
} from './views.js';
