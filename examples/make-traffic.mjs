#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Writes NAME/traffic.pcap from NAME/traffic.mjs, for the examples named or for all of them:
 *
 *   node examples/make-traffic.mjs [NAME...]
 *
 * Nothing but the seeds in those modules goes in, so the files come out the same each time.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const all = readdirSync(here).filter((name) => existsSync(join(here, name, 'traffic.mjs')));
const names = process.argv.length > 2 ? process.argv.slice(2) : all;

for (const name of names) {
  const { makeTraffic } = await import(pathToFileURL(join(here, name, 'traffic.mjs')).href);
  const capture = makeTraffic();
  const bytes = capture.toBytes();
  writeFileSync(join(here, name, 'traffic.pcap'), bytes);
  process.stdout.write(`${name}: ${capture.length} packets, ${bytes.length} bytes\n`);
}
