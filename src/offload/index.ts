// Programs bound to cards as Linux does it: cards and network devices, programs, maps, attachments. The layers, from
// below: records (state), model (their types), elements (maps), drivers (what a card says), kernel (commands), show.
export { attachTypes } from './attach.js';
export { behaviours } from './behaviours.js';
export { countingText, twoMapsText } from './behaviours-setup.js';
export { capabilityNames } from './capabilities.js';
export type { PipeRecord } from './events.js';
export { fromHex, toHex, u32Bytes } from './hex.js';
export { type LoadCommand, type ObjectRef, OffloadKernel } from './kernel.js';
export type { DeviceRecord, MapRecord, NetdevRecord, ProgRecord, TrafficRecord } from './model.js';
export { programText, refusedPrograms } from './nfp/refused-programs.js';
export { type Change, type Json, Records } from './records.js';
export { OffloadRefusal } from './refusal.js';
export {
  deviceJson,
  elementJson,
  eventJson,
  featureJson,
  jitedJson,
  mapJson,
  netJson,
  progJson,
  trafficJson,
  xlatedJson,
} from './show.js';
export { cutStages, dispatcherName, type Stages, stagePart } from './stages.js';
export { compareStages, type StagesComparison } from './stages-compare.js';
