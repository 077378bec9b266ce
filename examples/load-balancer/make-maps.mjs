#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Writes load-balancer.maps.json: the services, the servers and the rings.
 *
 * The rings are filled as in Maglev (Eisenbud et al., NSDI 2016, section 3.4): each real has its own permutation of the
 * slots, and the reals take turns at claiming the next slot of theirs that is still free. A real's weight is the number of
 * its turns in a round.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RING_SIZE = 251; // as in load-balancer.bpf.c; prime, so that every skip visits every slot

const HASH_ADDRESS_ONLY = 1;
const STATELESS = 2;
const REAL_UP = 1;
const REAL_IPV6 = 2;

const reals = [
  { address: '10.1.0.1' },
  { address: '10.1.0.2' },
  { address: '10.1.0.3' },
  { address: '10.1.0.4' },
  { address: 'fd00:1::5' },
  { address: '10.1.0.6' },
  // Went down a moment ago: its slots are not yet given to others.
  { address: '10.1.0.7', down: true },
  { address: 'fd00:1::8' },
];

const rings = {
  ring_web: { number: 0, weights: { 0: 2, 1: 1, 2: 1, 3: 1, 4: 1 } },
  ring_dns: { number: 1, weights: { 5: 3, 6: 1 } },
  ring_web6: { number: 2, weights: { 1: 1, 4: 2, 7: 2 } },
};

const services = [
  { vip: '192.0.2.10', port: 80, proto: 6, number: 0 },
  { vip: '192.0.2.10', port: 443, proto: 6, number: 0, flags: HASH_ADDRESS_ONLY },
  { vip: '192.0.2.10', port: 443, proto: 17, number: 0 },
  // Announced before its ring was made.
  { vip: '192.0.2.10', port: 8080, proto: 6, number: 9 },
  { vip: '192.0.2.53', port: 53, proto: 17, number: 1, flags: STATELESS },
  { vip: '2001:db8:10::10', port: 443, proto: 6, number: 2 },
  { vip: '2001:db8:10::10', port: 443, proto: 17, number: 2 },
];

/** FNV-1a: any hash will do, as long as every balancer takes the same. */
function hash(text) {
  let h = 0x811c9dc5;
  for (const ch of text) h = Math.imul(h ^ ch.charCodeAt(0), 0x01000193) >>> 0;
  return h;
}

function fillRing(weights) {
  const members = Object.entries(weights).map(([index, weight]) => {
    const { address } = reals[Number(index)];
    return {
      real: Number(index),
      weight,
      offset: hash(`offset ${address}`) % RING_SIZE,
      skip: (hash(`skip ${address}`) % (RING_SIZE - 1)) + 1,
      next: 0,
    };
  });
  const ring = Array(RING_SIZE).fill(-1);
  let filled = 0;
  while (filled < RING_SIZE) {
    for (const m of members) {
      for (let turn = 0; turn < m.weight && filled < RING_SIZE; turn++) {
        let slot;
        do slot = (m.offset + m.skip * m.next++) % RING_SIZE;
        while (ring[slot] >= 0);
        ring[slot] = m.real;
        filled++;
      }
    }
  }
  return ring;
}

const mapped = (address) =>
  address.includes(':') ? [{ ipv6: address }] : [{ hex: '00000000000000000000ffff' }, { ipv4: address }];

const vipKey = ({ vip, port, proto }) => [...mapped(vip), { be16: port }, { u8: proto }, { pad: 1 }];

const addresses = [...new Set(services.map((s) => s.vip))];

const maps = {
  vips: [
    ...addresses.map((vip) => ({ key: vipKey({ vip, port: 0, proto: 0 }), value: [{ u32: 0 }, { u32: 0 }] })),
    ...services.map((s) => ({ key: vipKey(s), value: [{ u32: s.number }, { u32: s.flags ?? 0 }] })),
  ],
  reals: reals.map(({ address, down }, i) => ({
    key: i,
    value: [...mapped(address), { u32: (down ? 0 : REAL_UP) | (address.includes(':') ? REAL_IPV6 : 0) }],
  })),
  // A connection from the time when real 6 was up.
  connections: [
    {
      key: [...mapped('198.51.100.77'), ...mapped('192.0.2.10'), { be16: 7777 }, { be16: 80 }, { u8: 6 }, { pad: 3 }],
      value: [{ u64: '0' }, { u32: 6 }, { pad: 4 }],
    },
  ],
  ...Object.fromEntries(
    Object.entries(rings).map(([name, { weights }]) => [
      name,
      fillRing(weights).map((real, slot) => ({ key: slot, value: real })),
    ]),
  ),
};

/** JSON in the house's format: on one line if that fits. */
function format(value, column) {
  const flat = JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ').replaceAll('[ ', '[').replaceAll(' ]', ']');
  const entries = Array.isArray(value) && value.some((v) => v.key !== undefined);
  if (typeof value !== 'object' || (!entries && column + flat.length <= 112)) return flat;
  const inner = ' '.repeat(column + 2);
  const lines = Array.isArray(value)
    ? value.map((v) => inner + format(v, column + 2))
    : Object.entries(value).map(([name, v]) => `${inner}"${name}": ${format(v, column + 2)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${' '.repeat(column)}${close}`;
}

const file = join(dirname(fileURLToPath(import.meta.url)), 'load-balancer.maps.json');
writeFileSync(file, `${format({ maps }, 0)}\n`);
