/** The library in a browser: the page of examples/library/browser is built, and does what the command line does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { afterAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { findChromium } from './chromium.js';

const chromium = findChromium();
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'jitnic-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const verdictsOf = async (example: string): Promise<Record<string, number>> => {
  const files = [`examples/${example}/${example}.o`, '-r', `examples/${example}/traffic.pcap`];
  const { out } = await captureCli(['run', ...files, '-j']);
  return (JSON.parse(out) as { verdicts: Record<string, number> }).verdicts;
};

describe('the examples of the library', () => {
  it('run in Node without a build', () => {
    const out = execFileSync(process.execPath, [join(root, 'examples/library/plain/run.mjs')], { encoding: 'utf8' });
    expect(out).toContain('committed_rate: 60000n');
    expect(out).toMatch(/packets: \d+/);
  });

  it.skipIf(chromium === undefined)('run in Chromium, built with Vite', { timeout: 120_000 }, async () => {
    const { build, preview } = await import('vite');
    const configFile = join(root, 'examples/library/browser/vite.config.js');
    await build({ configFile, logLevel: 'error', build: { outDir: folder, minify: false } });
    const server = await preview({ configFile, logLevel: 'error', build: { outDir: folder }, preview: { port: 0 } });
    const browser = await puppeteer.launch({ executablePath: chromium ?? '', args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const troubles: string[] = [];
      page.on('pageerror', (error) => troubles.push(String(error)));
      await page.goto(server.resolvedUrls?.local[0] ?? '');
      await page.waitForSelector('#traces li');
      const verdicts = Object.entries(await verdictsOf('firewall')).map(([name, count]) => `${count} ${name}`);
      const shown = await page.evaluate('document.querySelector("#verdicts").textContent');
      expect(shown).toMatch(new RegExp(`^\\d+ packets: ${verdicts.join(', ')}$`));
      expect(troubles).toEqual([]);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
