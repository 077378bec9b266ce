import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { findChromium, openWatchedPage } from './chromium.js';

const chromium = findChromium();

describe.skipIf(chromium === undefined)('the report page in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-report-'));
  const file = join(folder, 'report.html');
  let browser: Browser;
  let page: Page;
  let troubles: readonly string[] = [];
  let requests: readonly string[] = [];

  beforeAll(async () => {
    const { exitCode } = await captureCli([
      'run',
      'examples/firewall/firewall.o',
      '-r',
      'examples/firewall/traffic.pcap',
      '--maps-in',
      'examples/firewall/firewall.maps.json',
      '-c',
      '400',
      '--report',
      file,
    ]);
    expect(exitCode).toBe(0);
    ({ browser, page, troubles, requests } = await openWatchedPage());
    await page.goto(pathToFileURL(file).href);
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const focused = (): Promise<string> =>
    page.evaluate('document.activeElement.querySelector(":scope > .row").textContent') as Promise<string>;
  const shownTraces = (): Promise<string[]> =>
    page.evaluate('[...document.querySelectorAll("section.trace:not([hidden])")].map(({ id }) => id)') as Promise<
      string[]
    >;
  const ground = (): Promise<string> =>
    page.evaluate('getComputedStyle(document.body).backgroundColor') as Promise<string>;

  it('needs nothing but itself and runs without an error', () => {
    expect(troubles).toEqual([]);
    expect(requests).toEqual([pathToFileURL(file).href]);
  });

  it('shows the busiest trace first and no other', async () => {
    expect(await shownTraces()).toHaveLength(1);
    const shares = (await page.evaluate(
      '[...document.querySelectorAll("section.trace .facts")].map(({ textContent }) => Number(/^([\\d,]+) packets/.exec(textContent)[1].replaceAll(",", "")))',
    )) as number[];
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
  });

  it('walks the tree by keyboard', async () => {
    await page.focus('[role=treeitem]');
    expect(await focused()).toContain('all packets');
    const rows = async (): Promise<number> =>
      (await page.evaluate(
        '[...document.querySelectorAll("[role=treeitem]")].filter((item) => item.offsetParent !== null).length',
      )) as number;
    const open = await rows();
    await page.keyboard.press('ArrowLeft');
    expect(await rows()).toBe(1);
    await page.keyboard.press('ArrowRight');
    expect(await rows()).toBe(open);
    await page.keyboard.press('ArrowRight');
    expect(await focused()).not.toContain('all packets');
    await page.keyboard.press('ArrowUp');
    expect(await focused()).toContain('all packets');
    await page.keyboard.press('End');
    expect(await focused()).toContain('decided by the host');
  });

  it('opens a trace with Enter, and its address leads to it', async () => {
    const before = await shownTraces();
    await page.evaluate(
      '[...document.querySelectorAll("[role=treeitem]:has(> .row a.leaf:not([aria-current=true]))")].find((item) => item.offsetParent !== null).focus()',
    );
    await page.keyboard.press('Enter');
    // The page follows its address, which the browser tells it of in its own time.
    await page.waitForFunction('!document.getElementById(location.hash.slice(1) || "none")?.hidden');
    const [after] = await shownTraces();
    expect(before).not.toContain(after);
    expect(page.url()).toContain(`#${after}`);
    await page.reload();
    expect(await shownTraces()).toEqual([after]);
  });

  it('follows the system to dark and back by its button', async () => {
    const light = await ground();
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.click('#theme');
    expect(await ground()).toBe(light);
    await page.click('#theme');
    expect(await ground()).toBe(dark);
  });

  it('fits a narrow window without scrolling sideways', async () => {
    for (const width of [480, 390]) {
      await page.setViewport({ width, height: 800 });
      const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
      const inner = (await page.evaluate(
        '[...document.querySelectorAll(".tree, .scroll, .traces")].filter((box) => box.scrollWidth > box.clientWidth).length',
      )) as number;
      await page.setViewport({ width: 1280, height: 900 });
      expect(wide).toBeLessThanOrEqual(width);
      expect(inner).toBe(0);
    }
  });

  it('narrows the list of traces down', async () => {
    const shown = (): Promise<string[]> =>
      page.evaluate(
        '[...document.querySelectorAll("nav.traces li:not([hidden])")].map(({ textContent }) => textContent)',
      ) as Promise<string[]>;
    const all = await shown();
    await page.type('#filter', 'pass');
    const passing = await shown();
    expect(passing.length).toBeGreaterThan(0);
    expect(passing.length).toBeLessThan(all.length);
    expect(passing.every((text) => text.toLowerCase().includes('pass'))).toBe(true);
    expect(await page.$eval('#filtered', (note) => note.textContent)).toBe(`${passing.length} of ${all.length} traces`);
  });

  it('says what bars and kinds mean, and leads back from a trace', async () => {
    const legend = await page.$eval('.legend', (part) => part.textContent ?? '');
    for (const word of ['ternary', 'range', 'residual', 'state', 'instructions']) expect(legend).toContain(word);
    await page.click('section.trace:not([hidden]) .ways a[href="#tree"]');
    expect(page.url()).toMatch(/#tree$/);
  });

  it('names files without their folders', async () => {
    expect(await page.$eval('header', (part) => part.textContent ?? '')).toContain(
      'firewall.o, packets of traffic.pcap',
    );
    expect(await page.content()).not.toContain('examples/firewall');
  });
});
