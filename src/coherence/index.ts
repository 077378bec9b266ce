// State in two places: protocols that keep maps of card and host in step, and what shows that they do.
export { type BrokenProtocol, brokenProtocols } from './broken.js';
export { type CampaignOptions, type CampaignResult, runCampaign } from './campaign.js';
export { type Explored, type ExploreOptions, explore, exploreWalks, type Walk } from './explore.js';
export { type ProtocolName, protocolNames } from './protocol.js';
export { makeProtocol } from './protocols/index.js';
export { type SharedMap, type SharingOptions, shareMaps } from './sharing.js';
export { type TriedWorld, worldOf, worlds } from './worlds.js';
