import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { calls } from './api.js';
import { daemonSchema } from './call-schema.js';
import { Fields } from './fields.js';

describe('the schema of bodies', () => {
  /** Written by `curl --unix-socket SOCKET localhost/v1/schema`, and `biome format --write`. */
  it('is the one that is shipped', () => {
    const shipped = readFileSync(new URL('../../schemas/daemon.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(shipped)).toEqual(daemonSchema());
  });

  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema(daemonSchema(), 'daemon');
  /** Does the call read the body to its end? No kernel is behind it: what it does then fails in another way. */
  const takes = (name: string, body: unknown): boolean => {
    try {
      calls.find((call) => call.name === name)?.run(undefined as never, new Fields(body), 0);
      return true;
    } catch (error) {
      return error instanceof TypeError;
    }
  };

  it.each<readonly [string, unknown, boolean]>([
    ['device/add', { name: 'nic', card: 'nfp4000', ports: 2, off: ['random'] }, true],
    ['device/add', { name: 'nic', card: 'nfp4000', ports: 65 }, false],
    ['device/add', { name: 'nic' }, false],
    ['map/lookup', { id: 1, key: '0aff' }, true],
    ['map/lookup', { id: 1, pinned: 'm', key: '0aff' }, false],
    ['map/lookup', { key: '0aff' }, false],
    ['map/lookup', { pinned: 'm', key: '0AFF' }, false],
    ['map/show', {}, true],
    ['net/attach', { id: 1, dev: 'nicp0', type: 'xdpoffload' }, true],
    ['net/attach', { id: 1, dev: 'nicp0', type: 'xdpnone' }, false],
    ['net/attach', { id: 1, dev: 'nic p0' }, false],
    ['traffic/start', { name: 't', dev: 'nicp0', capture: 'AAAA', rate: 0 }, true],
    ['traffic/start', { name: 't', dev: 'nicp0', capture: 'AAAA', rat: 0 }, false],
  ])('%s %j', (name, body, isRight) => {
    const validate = ajv.compile({ $ref: `daemon#/$defs/${name.replace('/', '~1')}` });
    expect([validate(body), takes(name, body)]).toEqual([isRight, isRight]);
  });
});
