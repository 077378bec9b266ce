// SPDX-License-Identifier: MIT
/** Connections that open, talk and close in every way; then what no state allows, and every state left to expire. */
import { Capture, interleave } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const { SYN, ACK, FIN, RST, PSH } = p;

/** Both ends of one connection: `there` and `back` make a segment and count sequence numbers on. */
function connection(random, client, server, dport, { sport = random.between(1024, 65535), vlans = [] } = {}) {
  const next = [random.between(1, 0xffffffff), random.between(1, 0xffffffff)];
  const ends = [
    { ip: { src: client, dst: server, vlans }, ports: { sport, dport } },
    { ip: { src: server, dst: client, vlans }, ports: { sport: dport, dport: sport } },
  ];
  const segment = (side, flags, { data = Buffer.alloc(0), ack = next[1 - side], again = false } = {}) => {
    const { ip, ports } = ends[side];
    const length = data.length + (flags & (SYN | FIN) ? 1 : 0);
    const seq = again ? next[side] - length : next[side];
    if (!again) next[side] = (next[side] + length) >>> 0;
    return p.frame(ip, p.tcp({ ...ports, flags, seq: seq >>> 0, ack: ack >>> 0, data }));
  };
  return {
    there: (flags, options) => segment(0, flags, options),
    back: (flags, options) => segment(1, flags, options),
  };
}

const handshake = (c) => [c.there(SYN), c.back(SYN | ACK), c.there(ACK)];

function talk(random, c, rounds) {
  return Array.from({ length: rounds }, () => [
    c.there(ACK | PSH, { data: random.bytes(random.between(1, 80)) }),
    c.back(ACK, { data: random.bytes(random.below(200)) }),
  ]).flat();
}

/** The ways to close: either side first, both at once, with the acknowledgement in the answering FIN, by a reset. */
const CLOSES = {
  client: (c) => [c.there(FIN | ACK), c.back(ACK), c.back(FIN | ACK), c.there(ACK)],
  server: (c) => [c.back(FIN | ACK), c.there(ACK), c.there(ACK), c.there(FIN | ACK), c.back(ACK)],
  both: (c) => [c.there(FIN | ACK), c.back(FIN | ACK), c.there(ACK), c.back(ACK)],
  halfway: (c) => [c.there(FIN | ACK), c.back(ACK, { data: Buffer.alloc(40) }), c.back(ACK, { data: Buffer.alloc(9) })],
  reset: (c) => [c.there(RST)],
  refused: (c) => [c.back(RST | ACK), c.there(RST)],
  open: () => [],
};

export function makeTraffic() {
  const random = new Random(9293);
  const capture = new Capture(random);
  const client = () => `10.${random.below(3)}.${random.below(4)}.${random.between(1, 90)}`;
  const server = () => `192.0.2.${random.between(1, 30)}`;
  const port = () => random.pick([22, 80, 443, 8080]);
  const fresh = (options) => connection(random, client(), server(), port(), options);

  const conversations = [];
  for (let i = 0; i < 84; i++) {
    const c = fresh(i % 9 === 0 ? { vlans: [100] } : {});
    const close = Object.values(CLOSES)[i % 7];
    conversations.push([...handshake(c), ...talk(random, c, random.between(0, 4)), ...close(c)]);
  }
  // Segments sent twice, on the way to an open connection and out of it.
  for (let i = 0; i < 8; i++) {
    const c = fresh();
    const again = { again: true };
    conversations.push([
      ...[c.there(SYN), c.there(SYN, again), c.back(SYN | ACK), c.back(SYN | ACK, again), c.there(SYN, again)],
      ...[c.there(ACK), c.back(SYN | ACK, again), ...talk(random, c, 1)],
      ...[c.back(FIN | ACK), c.back(FIN | ACK, again), c.there(ACK), c.there(FIN | ACK), c.there(FIN | ACK, again)],
      ...[c.back(ACK), c.back(ACK)],
    ]);
  }
  // Both ends open at once.
  for (let i = 0; i < 5; i++) {
    const c = fresh();
    conversations.push([c.there(SYN), c.back(SYN), c.there(SYN | ACK), c.back(SYN | ACK), ...talk(random, c, 2)]);
  }
  // Ports that are shut, and hosts that do not answer.
  for (let i = 0; i < 16; i++) {
    const c = fresh();
    conversations.push(i % 2 ? [c.there(SYN), c.back(RST | ACK)] : [c.there(SYN), c.there(SYN, { again: true })]);
  }
  // A host that connects with itself: only the ports tell the ends apart.
  for (const [sport, dport] of [
    [4000, 80],
    [80, 4001],
    [5000, 5000],
  ]) {
    const c = connection(random, '192.0.2.9', '192.0.2.9', dport, { sport });
    conversations.push([...handshake(c), ...talk(random, c, 1), ...CLOSES.client(c)]);
  }
  interleave(random, capture, conversations);

  // What no state allows: out of the blue, a handshake that acknowledges what was not sent, an opener's answer to itself.
  const stray = [ACK, ACK | PSH, SYN | ACK, FIN | ACK, RST, RST | ACK];
  capture.send(...stray.map((flags) => fresh().there(flags)));
  const spoofed = fresh();
  capture.send(
    spoofed.there(SYN),
    spoofed.back(SYN | ACK, { ack: 7 }),
    spoofed.there(SYN | ACK, { again: true }),
    spoofed.there(ACK),
    spoofed.back(SYN | ACK),
    spoofed.there(ACK, { ack: 8 }),
    spoofed.there(FIN | ACK, { ack: 9 }),
    spoofed.there(ACK),
    spoofed.there(SYN),
    spoofed.back(SYN),
  );

  // A connection that is over is opened again, by the side that had answered.
  const twice = fresh();
  capture.send(...handshake(twice), ...CLOSES.client(twice), twice.back(SYN), twice.there(SYN | ACK), twice.back(ACK));
  const after = fresh();
  capture.send(...handshake(after), after.back(RST | ACK), after.there(ACK), after.there(SYN), after.back(SYN | ACK));

  // Left alone in each state for nearly as long as it lasts, then for longer: [its segments, seconds].
  const states = [
    [(c) => [c.there(SYN)], 120, (c) => c.back(SYN | ACK)],
    [(c) => [c.there(SYN), c.back(SYN)], 120, (c) => c.there(SYN | ACK)],
    [(c) => [c.there(SYN), c.back(SYN | ACK)], 60, (c) => c.there(ACK)],
    [(c) => handshake(c), 432_000, (c) => c.there(ACK)],
    [(c) => [...handshake(c), c.there(FIN | ACK)], 120, (c) => c.there(ACK)],
    [(c) => [...handshake(c), c.there(FIN | ACK), c.back(ACK)], 60, (c) => c.back(ACK)],
    [(c) => [...handshake(c), c.there(FIN | ACK), c.back(FIN | ACK)], 30, (c) => c.back(ACK)],
    [(c) => [...handshake(c), ...CLOSES.client(c)], 120, (c) => c.there(ACK)],
    [(c) => [...handshake(c), c.there(RST)], 10, (c) => c.there(RST)],
  ];
  const waits = states.flatMap(([make, seconds, last]) =>
    [seconds - 1, seconds + 1].map((wait) => {
      const c = fresh();
      return { first: make(c), wait, last: last(c), reopen: c.there(SYN) };
    }),
  );
  for (const { first } of waits) capture.send(...first);
  let passed = 0;
  for (const { wait, last, reopen } of waits.sort((a, b) => a.wait - b.wait)) {
    capture.wait(wait - passed);
    passed = wait;
    capture.send(last, reopen);
  }

  // Not TCP over IPv4; fragments; malformed.
  const ends = { src: '10.0.0.1', dst: '192.0.2.1' };
  const syn = { sport: 2000, dport: 80, flags: SYN };
  const whole = p.frame(ends, p.tcp(syn));
  capture.send(
    p.frame(ends, p.udp({ sport: 5353, dport: 53, data: p.dnsQuery(1, 'example.net') })),
    p.frame(ends, p.echo(8, 1, 1)),
    p.frame({ src: '2001:db8::1', dst: '2001:db8::2' }, p.tcp(syn)),
    p.arp('10.0.0.1', '10.0.0.2'),
    p.frame({ ...ends, more: true, id: 3 }, p.tcp({ ...syn, flags: ACK, data: Buffer.alloc(8) })),
    p.frame({ ...ends, offset: 32, id: 3 }, p.raw(6, Buffer.alloc(24))),
    ...[0, SYN | FIN, SYN | RST, FIN, RST | FIN, p.URG | PSH].map((flags) => p.frame(ends, p.tcp({ ...syn, flags }))),
    p.frame(ends, p.tcp({ ...syn, doff: 4 })),
    p.frame({ ...ends, ihl: 4 }, p.tcp(syn)),
    p.frame({ ...ends, options: '94040000' }, p.tcp(syn)),
    ...[14, 20, 40, 50].map((length) => whole.subarray(0, length)),
  );
  return capture;
}
