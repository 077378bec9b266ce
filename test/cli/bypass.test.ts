import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const run = ['run', 'examples/ipv6-filter/ipv6-filter.o', '-r', 'examples/ipv6-filter/traffic.pcap'];

describe('--bypass', () => {
  it('changes neither verdicts nor a run that ends before the first decision', async () => {
    const plain = await captureCli(run);
    const bypassing = await captureCli([...run, '--bypass', '--check']);
    expect(bypassing.exitCode).toBe(0);
    expect(bypassing.out).toContain(plain.out.trimEnd());
    expect(bypassing.out).not.toContain('left to the host');
  });

  it.each([['--no-card'], ['--engine', 'interp'], ['--max-insns', '1000']])(
    'has nothing to choose with %s',
    async (...flags) => {
      const { exitCode, err } = await captureCli([...run, '--bypass', ...flags]);
      expect(exitCode).toBe(2);
      expect(err).toContain('--bypass');
    },
  );

  it('is what a run does by itself, unless it is asked about traces or cache', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'jitnic-bypass-'));
    try {
      const packets = join(folder, 'packets.pcap');
      await captureCli(['gen', '-c', '4000', '-w', packets]);
      const long = ['run', 'examples/ipv6-filter/ipv6-filter.o', '-r', packets];
      expect((await captureCli(long)).out).toContain('1,952 left to the host');
      for (const flags of [['--no-bypass'], ['--check'], ['--policy', 'sieve']])
        expect((await captureCli([...long, ...flags])).out).not.toContain('left to the host');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
