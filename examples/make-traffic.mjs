#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Writes NAME/traffic.pcap from NAME/traffic.mjs, for the examples named or for all of them:
 *
 *   node examples/make-traffic.mjs [--check] [NAME...]
 *
 * Nothing but the seeds in those modules goes in, so the files come out the same each time; --check writes nothing and
 * fails if a committed file is not what would come out.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const all = readdirSync(here).filter((name) => existsSync(join(here, name, 'traffic.mjs')));
const args = process.argv.slice(2);
const check = args.includes('--check');
const named = args.filter((arg) => arg !== '--check');

for (const name of named.length > 0 ? named : all) {
  const { makeTraffic } = await import(pathToFileURL(join(here, name, 'traffic.mjs')).href);
  const capture = makeTraffic();
  const bytes = capture.toBytes();
  const file = join(here, name, 'traffic.pcap');
  if (!check) {
    writeFileSync(file, bytes);
    process.stdout.write(`${name}: ${capture.length} packets, ${bytes.length} bytes\n`);
  } else if (!existsSync(file) || !readFileSync(file).equals(bytes)) {
    process.stderr.write(`${name}: traffic.pcap is not what traffic.mjs makes\n`);
    process.exitCode = 1;
  }
}
