import { expect, it } from 'vitest';
import { OffloadKernel } from './kernel.js';
import { createMap } from './load.js';

it('an array of one element on a simulated card begins with the two keys that its driver always makes', () => {
  const kernel = new OffloadKernel();
  const [dev] = kernel.addDevice({ name: 'nsim0', card: 'netdevsim', ports: 1 });
  const spec = { name: 'one', type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 } as const;
  const map = createMap(kernel.model, spec, dev);
  expect(map).toMatchObject({ maxEntries: 1, forDevice: true });
});
