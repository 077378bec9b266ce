// The pipelined card: traces as stages, packets that collide under way, and an interpreter that runs them interleaved.
export { PipelineCard } from './card.js';
export { ElementKeys } from './element-keys.js';
export { type LoadedTrace, PipelineMachine, type PipelineResult } from './execute.js';
export { HazardClock, type HazardStrategy, type KeyedAccess } from './hazards.js';
export { lowerTrace, type MapAccess, type PipelinedTrace, type PipelineRefusal } from './lower.js';
