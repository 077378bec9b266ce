/** Every example has a test file, and all of its tests hold on our engines. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const names = readdirSync('examples').filter((name) => existsSync(`examples/${name}/${name}.o`));
const own = ['--engine', 'interp', '--engine', 'wasm', '--engine', 'trace'];

describe('examples', () => {
  it.each(names)('%s', async (name) => {
    const { exitCode, out } = await captureCli(['test', `examples/${name}/${name}.xdp.yaml`, ...own]);
    expect(exitCode, out).toBe(0);
    expect(out).toContain('engines: interp, wasm, trace');
  });
});
