import { describe, expect, it } from 'vitest';
import { brokenProtocols } from './broken.js';
import { explore } from './explore.js';
import { makeProtocol } from './protocols/index.js';
import type { World } from './small-world.js';
import { worldOf, worlds } from './worlds.js';

// Three jobs of each: all five take minutes and are `npm run coherence`'s matter.
describe('every interleaving of three jobs ends well', () => {
  it.each(worlds.map((world) => [`${world.name} (${world.protocols.join(', ')})`, world] as const))(
    '%s',
    (_, world) => {
      const { fault, ends, isCut } = explore(worldOf(world, 3));
      expect(fault).toBeUndefined();
      expect(isCut).toBe(false);
      expect(ends).toBeGreaterThan(1);
    },
  );
});

describe('a broken protocol is found', () => {
  it.each(brokenProtocols.map((broken) => [`${broken.protocol} ${broken.what}`, broken] as const))(
    '%s',
    (_, broken) => {
      const tried = worlds.filter(({ protocols }) => protocols.includes(broken.protocol));
      const make: World['make'] = (name) => (name === broken.protocol ? broken.make() : makeProtocol(name));
      const isFound = tried.some((world) => explore({ ...worldOf(world), make }, { limit: 1500 }).fault !== undefined);
      expect(isFound).toBe(true);
    },
  );
});
