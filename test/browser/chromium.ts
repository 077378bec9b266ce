/**
 * Where a Chromium is, for tests that look at pages: `JITNIC_CHROMIUM`, or the usual places. Undefined: such tests are
 * skipped.
 */
import { existsSync } from 'node:fs';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function findChromium(): string | undefined {
  const given = process.env['JITNIC_CHROMIUM'];
  return given !== undefined && given !== '' ? given : places.find((place) => existsSync(place));
}

/** A browser with one page of 1280 by 900, and what that page complains of and asks for. */
export interface WatchedPage {
  readonly browser: Browser;
  readonly page: Page;
  /** Errors and lines of its console. */
  readonly troubles: readonly string[];
  /** Addresses that it asked for. */
  readonly requests: readonly string[];
}

/** Starts Chromium, which has to be there; the caller closes it. */
export async function openWatchedPage(): Promise<WatchedPage> {
  const browser = await puppeteer.launch({ executablePath: findChromium() ?? '', args: ['--no-sandbox'] });
  const page = await browser.newPage();
  const troubles: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('console', (message) => troubles.push(message.text()));
  page.on('request', (request) => requests.push(request.url()));
  await page.setViewport({ width: 1280, height: 900 });
  return { browser, page, troubles, requests };
}
