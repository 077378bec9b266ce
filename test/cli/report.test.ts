import { describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const object = 'examples/ipv6-filter/ipv6-filter.o';
const traffic = ['-r', 'examples/ipv6-filter/traffic.pcap'];

describe('the report on the command line', () => {
  it('goes to stdout from `trace --dump html`, and nothing else does', async () => {
    const { exitCode, out } = await captureCli(['trace', object, ...traffic, '--dump', 'html']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  it.each([
    [['trace', object, ...traffic, '--dump', 'html', '-j'], 'exclude each other'],
    [['trace', object, ...traffic, '-o', 'report.html'], '`-o` goes with `--dump html`'],
    [['run', object, ...traffic, '--report', '-'], 'two things want stdout'],
    [['run', object, ...traffic, '--report', 'report.html', '--no-card'], 'without a card there are none'],
  ])('%j is refused', async (argv, message) => {
    const { exitCode, err, out } = await captureCli(argv);
    expect(exitCode).toBe(2);
    expect(`${err}${out}`).toContain(message);
  });

  it('says where it could not be written', async () => {
    const { exitCode, err } = await captureCli(['run', object, ...traffic, '--report', '/nowhere/report.html']);
    expect(exitCode).toBe(3);
    expect(err).toContain('/nowhere/report.html');
  });
});
