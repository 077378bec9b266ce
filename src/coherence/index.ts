// State in two places: protocols that keep maps of card and host in step, and what shows that they do.
export { type BrokenProtocol, brokenProtocols } from './broken.js';
export { type CampaignOptions, type CampaignResult, runCampaign } from './campaign.js';
export type { Order, Parcel } from './dispatcher.js';
export type { Side } from './element.js';
export { type Explored, type ExploreOptions, explore, exploreWalks, type Walk } from './explore.js';
export { type Message, messageBytes } from './message.js';
export { type ProtocolName, protocolNames } from './protocol.js';
export { makeProtocol } from './protocols/index.js';
export { type SharedMap, type SharingOptions, shareMaps } from './sharing.js';
export {
  type Decision,
  type EngineOutcome,
  type PacketEngine,
  TwoSides,
  type TwoSidesOptions,
} from './two-sides.js';
export { Witness, type WitnessFault } from './witness.js';
export { type TriedWorld, worldOf, worlds } from './worlds.js';
