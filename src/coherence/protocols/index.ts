/** Every protocol by its name. */
import type { Protocol, ProtocolName } from '../protocol.js';
import { Combine } from './combine.js';
import { Home } from './home.js';
import { Migrate } from './migrate.js';
import { Replay } from './replay.js';
import { Replicate } from './replicate.js';
import { Stall } from './stall.js';

const makers: { readonly [name in ProtocolName]: () => Protocol } = {
  'device-home': () => new Home('device-home', 'card'),
  'host-home': () => new Home('host-home', 'host'),
  migrate: () => new Migrate(),
  replicate: () => new Replicate(),
  combine: () => new Combine(),
  replay: () => new Replay(),
  stall: () => new Stall(),
};

/** One side's share of a protocol. */
export function makeProtocol(name: ProtocolName): Protocol {
  return makers[name]();
}
