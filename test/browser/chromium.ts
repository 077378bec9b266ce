/**
 * Where a Chromium is, for tests that look at pages: `JITNIC_CHROMIUM`, or the usual places. Undefined: such tests are
 * skipped.
 */
import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function findChromium(): string | undefined {
  const given = process.env['JITNIC_CHROMIUM'];
  return given !== undefined && given !== '' ? given : places.find((place) => existsSync(place));
}
