/**
 * Every example has a test file, and all of its tests hold on our engines. Those whose packets take many long paths
 * are on the card in `.ci/run` only, which runs all of them on all engines: each packet is recorded first.
 */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const names = readdirSync('examples').filter((name) => existsSync(`examples/${name}/${name}.o`));
const many: readonly string[] = ['ddos-mitigator', 'firewall', 'heavy-hitter'];

describe('examples', () => {
  it.each(names)('%s', async (name) => {
    const engines = many.includes(name) ? ['interp', 'wasm'] : ['interp', 'wasm', 'trace'];
    const own = engines.flatMap((engine) => ['--engine', engine]);
    const { exitCode, out } = await captureCli(['test', `examples/${name}/${name}.xdp.yaml`, ...own]);
    expect(exitCode, out).toBe(0);
    expect(out).toContain(`engines: ${engines.join(', ')}`);
  });
});
