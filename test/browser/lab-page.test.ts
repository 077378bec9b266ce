/** The lab in Chromium, as it was built: what it shows, by mouse and by keyboard, wide and narrow, light and dark. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLabServer } from '../../src/cli/lab-server.js';
import { captureCli } from '../../src/cli/testing.js';
import { Prng } from '../../src/packet/index.js';
import { findChromium, openWatchedPage } from './chromium.js';

const chromium = findChromium();
const built = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const why =
  chromium === undefined
    ? 'there is no Chromium'
    : existsSync(`${built}index.html`)
      ? undefined
      : 'there is no dist/web: npm run build';

const views = ['packets', 'step', 'program', 'maps', 'traces', 'cache'];

const linkTo = (name: string, more = ''): string =>
  `#object=examples/${name}/${name}.o&maps=examples/${name}/${name}.maps.json&capture=examples/${name}/traffic.pcap${more}`;

describe.skipIf(why !== undefined)(`the lab in Chromium${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-lab-'));
  let server: Awaited<ReturnType<typeof startLabServer>>;
  let browser: Browser;
  let page: Page;
  /** Errors of the page and messages on its console, until a test takes them. */
  let troubles: readonly string[] = [];
  let requests: readonly string[] = [];

  const open = async (hash: string): Promise<void> => {
    await page.goto('about:blank');
    await page.goto(server.url + hash);
  };
  const settled = (): Promise<unknown> =>
    page.waitForFunction(
      'document.querySelector(".progress")?.textContent === "" && !/looking…|running up to|putting it into|optimizing…|compiling…|loading…|verifying…|recording|comparing/.test(document.body.innerText)',
      { polling: 50 },
    );
  const text = (selector: string): Promise<string> =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`) as Promise<string>;
  const drop = async (...files: readonly string[]): Promise<void> => {
    const input = (await page.$('input[type=file]')) as ElementHandle<never> & {
      uploadFile(...paths: string[]): Promise<void>;
    };
    await input.uploadFile(...files);
  };
  const violations = async (rules?: readonly string[]): Promise<string[]> => {
    if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
    const options = rules === undefined ? {} : { runOnly: rules };
    const found = (await page.evaluate(`axe.run(document, ${JSON.stringify(options)})`)) as axe.AxeResults;
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  };

  beforeAll(async () => {
    server = await startLabServer({
      page: built,
      given: new Map(),
      port: 0,
      compile: () => Promise.reject(new Error('not asked for here')),
      errorText: () => JSON.stringify({ error: { code: 'bad-input', message: 'no', place: null, hint: null } }),
    });
    ({ browser, page, troubles, requests } = await openWatchedPage());
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says what became of packets as the command line does, and which line decided', async () => {
    const name = 'port-knocking';
    const [o, maps, pcap] = [`${name}.o`, `${name}.maps.json`, 'traffic.pcap'].map(
      (file) => `examples/${name}/${file}`,
    );
    const { out } = await captureCli([
      'run',
      o ?? '',
      'port_knocking',
      '-r',
      pcap ?? '',
      '--maps-in',
      maps ?? '',
      '-j',
    ]);
    const { verdicts } = JSON.parse(out) as { verdicts: Record<string, number> };
    await open(linkTo(name));
    await settled();
    const shown = await text('.verdicts');
    for (const [verdict, count] of Object.entries(verdicts))
      if (count > 0) expect(shown).toMatch(new RegExp(`\\b${count}\\s+.\\s+${verdict}\\b`));
    expect(await text('.decisions')).toMatch(/port-knocking\.bpf\.c:\d+/);
    expect(await text('.packet')).toMatch(/Decided at \S+:\d+/);
    expect(troubles).toEqual([]);
  });

  it('goes by keyboard alone from a verdict to a packet and its line in the source', async () => {
    await page.focus('.verdicts li:nth-child(2) button');
    await page.keyboard.press('Enter');
    await page.focus('.packet-list');
    await page.keyboard.press('End');
    await settled();
    const all = (await text('.verdicts li:nth-child(2) b')).trim();
    expect(await text('.packets [role=status]')).toContain(`${all} of `);
    await page.waitForFunction(
      'document.querySelector("[role=option][aria-selected=true]")?.innerText.includes("DROP")',
    );
    await page.focus('.because button');
    await page.keyboard.press('Enter');
    await settled();
    await page.waitForFunction(
      'document.querySelector(".code-pane")?.shadowRoot?.querySelector(".line-chosen") !== null',
    );
    expect(await page.evaluate('location.hash')).toMatch(/view=program.*line=/);
    await page.focus('[role=tab][aria-selected=true]');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await settled();
    expect(await text('.trace')).toMatch(/Trace \d+/);
    expect(troubles).toEqual([]);
  });

  it('is sound for readers’ aids in each view, wide and narrow, light and dark', async () => {
    // What names and roles say is the same in both.
    for (const [width, scheme, rules] of [
      [1280, 'light', undefined],
      [390, 'dark', ['color-contrast', 'target-size', 'scrollable-region-focusable']],
    ] as const) {
      await page.setViewport({ width, height: 844 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await open('');
      await page.waitForSelector('.examples button');
      expect(await violations(rules), `welcome ${width}`).toEqual([]);
      const files = '#object=examples/ipv6-filter/ipv6-filter.o&capture=examples/ipv6-filter/traffic.pcap';
      await open(files);
      for (const view of views) {
        await page.evaluate(`location.hash = ${JSON.stringify(`${files}&view=${view}&packet=3&step=2`)}`);
        await settled();
        expect(await violations(rules), `${view} ${width} ${scheme}`).toEqual([]);
        const wide = (await page.evaluate('document.documentElement.scrollWidth')) as number;
        expect(wide, `${view} ${width}`).toBeLessThanOrEqual(width);
      }
    }
    await page.setViewport({ width: 1280, height: 900 });
    expect(troubles).toEqual([]);
  });

  it('steps a packet forward and back', async () => {
    await page.evaluate('location.hash = location.hash.replace(/view=\\w+/, "view=step")');
    await page.waitForFunction('document.querySelector(".slider")?.innerText.includes("Step 2 of")');
    await page.click('.controls button:nth-of-type(4)');
    await page.waitForFunction('document.querySelector(".slider")?.innerText.includes("Step 3 of")');
    await page.click('.controls button:nth-of-type(3)');
    await page.waitForFunction('document.querySelector(".slider")?.innerText.includes("Step 2 of")');
    expect(await page.evaluate('location.hash')).toContain('step=2');
  });

  it('shows what is wrong with a file as the command line words it, and takes the next one', async () => {
    await open('');
    const broken = join(folder, 'broken.o');
    writeFileSync(broken, readFileSync('examples/nat/nat.o').subarray(0, 3000));
    const { err } = await captureCli(['show', broken]);
    const message = /^error: (?:.*broken\.o: )?(.*)$/m.exec(err)?.[1] ?? '';
    expect(message).not.toBe('');
    await drop(broken);
    await page.waitForSelector('[role=alert]');
    expect(await text('[role=alert]')).toContain(message);
    await drop('examples/ipv6-filter/ipv6-filter.o', 'examples/ipv6-filter/traffic.pcap');
    await settled();
    expect(await text('.verdicts')).toContain('408 packets');
    expect(await page.$('[role=alert]')).toBeNull();
  });

  it('shows names as text, whatever is in them', async () => {
    const hostile = join(folder, '<img src=x onerror=alert(1)>.pcap');
    writeFileSync(hostile, readFileSync('examples/ipv6-filter/traffic.pcap'));
    await drop('examples/ipv6-filter/ipv6-filter.o', hostile);
    await settled();
    expect(await text('header')).toContain('<img src=x onerror=alert(1)>.pcap');
    expect(await page.$('header img')).toBeNull();
  });

  it('takes any object, however it was damaged, and goes on', async () => {
    const whole = readFileSync('examples/ipv6-filter/ipv6-filter.o');
    const random = new Prng(22);
    for (let i = 0; i < 6; i++) {
      const bytes = Uint8Array.from(whole);
      for (let k = 0; k < 12; k++) bytes[64 + random.below(bytes.length - 64)] = random.below(256);
      const damaged = join(folder, `damaged-${i}.o`);
      writeFileSync(damaged, bytes);
      await drop(damaged);
      await settled();
      const shows = await page.evaluate('document.querySelector("[role=alert], .summary") !== null');
      expect(shows, `seed 22, object ${i}`).toBe(true);
    }
    await drop('examples/ipv6-filter/ipv6-filter.o', 'examples/ipv6-filter/traffic.pcap');
    await settled();
    expect(await text('.verdicts')).toContain('408 packets');
    expect(troubles).toEqual([]);
  });

  it('holds no more after twenty-five runs than after eight', async () => {
    const few = join(folder, 'few.pcap');
    writeFileSync(few, readFileSync('examples/ipv6-filter/traffic.pcap').subarray(0, 2000));
    const held = async (): Promise<number> => {
      let sum = 0;
      for (const client of [await page.createCDPSession(), ...page.workers().map((worker) => worker.client)]) {
        await client.send('HeapProfiler.collectGarbage');
        sum += (await client.send('Runtime.getHeapUsage')).usedSize;
      }
      return sum;
    };
    const run = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        await drop('examples/ipv6-filter/ipv6-filter.o', few);
        await settled();
      }
    };
    await run(8);
    const before = await held();
    await run(17);
    expect(await held()).toBeLessThan(1.25 * before);
  });

  it('has shown all that without asking anybody else', () => {
    expect(requests.length).toBeGreaterThan(10);
    for (const url of requests.filter((one) => !one.startsWith('about:') && !one.startsWith('data:')))
      expect(url.startsWith(server.url) || url.startsWith(`blob:${server.url}`), url).toBe(true);
  });

  it('is answered to nobody who comes by another name, and compiles for nobody else', async () => {
    const { request } = await import('node:http');
    const { port } = new URL(server.url);
    const statusOf = (path: string, method: string, headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode));
        });
        asked.on('error', reject);
        asked.end();
      });
    expect(await statusOf('/', 'GET', { host: `127.0.0.1:${port}` })).toBe(200);
    expect(await statusOf('/', 'GET', { host: `evil.example:${port}` })).toBe(403);
    expect(await statusOf('/../package.json', 'GET', { host: `127.0.0.1:${port}` })).toBe(404);
    const posted = { host: `127.0.0.1:${port}`, 'x-jitnic-name': 'a.c' };
    expect(await statusOf('/compile', 'POST', { ...posted, origin: 'http://evil.example' })).toBe(403);
    expect(await statusOf('/compile', 'POST', { ...posted, origin: `http://127.0.0.1:${port}` })).toBe(422);
  });
});
