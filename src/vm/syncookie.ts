/**
 * SYN cookies as Linux makes them (net/ipv4/syncookies.c), with another secret: Linux keys SipHash with random bytes
 * that no run could reproduce, here a HalfSipHash-2-4 (Aumasson and Bernstein 2012, 32-bit words) is keyed by the
 * machine's seed. A cookie that this makes, this accepts for two minutes; its layout is Linux's:
 *
 *     cookie = hash0 + sequence number + (minute << 24) + ((hash1(minute) + index of the MSS) & 0xffffff)
 */

/** What a client's MSS is rounded down to. */
const mssTable4 = [536, 1300, 1440, 1460];
const mssTable6 = [1220, 1420, 1440, 8940];
/** Minutes that a cookie lives (MAX_SYNCOOKIE_AGE). */
const maxAge = 2;
const dataMask = 0xffffff;

/** `source` and `destination` have 4 or 16 bytes. */
export interface Flow {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Both ports as they stand in the TCP header. */
  readonly ports: number;
}

/** Makes a cookie for a SYN with sequence number `sequence`. Returns it with the MSS that it encodes. */
export function makeCookie(
  seed: bigint,
  flow: Flow,
  sequence: number,
  minute: number,
  mss: number,
): { readonly cookie: number; readonly mss: number } {
  const table = flow.source.length === 4 ? mssTable4 : mssTable6;
  let index = table.length - 1;
  while (index > 0 && mss < (table[index] ?? 0)) index--;
  const data = (hash(seed, flow, minute, 1) + index) & dataMask;
  const cookie = (hash(seed, flow, 0, 0) + sequence + (minute << 24) + data) >>> 0;
  return { cookie, mss: table[index] ?? 0 };
}

/** The MSS that a valid cookie encodes, or 0. `sequence` is the SYN's. */
export function checkCookie(seed: bigint, flow: Flow, cookie: number, sequence: number, minute: number): number {
  const table = flow.source.length === 4 ? mssTable4 : mssTable6;
  const rest = (cookie - hash(seed, flow, 0, 0) - sequence) >>> 0;
  const age = (minute - (rest >>> 24)) & 0xff;
  if (age >= maxAge) return 0;
  const index = (rest - hash(seed, flow, minute - age, 1)) & dataMask;
  return table[index] ?? 0;
}

function hash(seed: bigint, flow: Flow, count: number, which: number): number {
  const key = BigInt.asUintN(64, seed * 0x9e3779b97f4a7c15n + BigInt(which + 1));
  const state = new Uint32Array([Number(key & 0xffffffffn), Number(key >> 32n), 0x6c796765, 0x74656462]);
  state[2] = (state[2] ?? 0) ^ (state[0] ?? 0);
  state[3] = (state[3] ?? 0) ^ (state[1] ?? 0);
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const bytes of [flow.source, flow.destination]) {
    for (let at = 0; at < bytes.length; at += 4) absorb(state, view(bytes).getUint32(at, true));
  }
  absorb(state, flow.ports);
  absorb(state, count >>> 0);
  state[2] = (state[2] ?? 0) ^ 0xff;
  for (let i = 0; i < 4; i++) round(state);
  return ((state[1] ?? 0) ^ (state[3] ?? 0)) >>> 0;
}

function absorb(state: Uint32Array, word: number): void {
  state[3] = (state[3] ?? 0) ^ word;
  round(state);
  round(state);
  state[0] = (state[0] ?? 0) ^ word;
}

/** SipRound of HalfSipHash. */
function round(v: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = v;
  a = (a + b) | 0;
  b = rotate(b, 5) ^ a;
  a = rotate(a, 16);
  c = (c + d) | 0;
  d = rotate(d, 8) ^ c;
  a = (a + d) | 0;
  d = rotate(d, 7) ^ a;
  c = (c + b) | 0;
  b = rotate(b, 13) ^ c;
  c = rotate(c, 16);
  v[0] = a;
  v[1] = b;
  v[2] = c;
  v[3] = d;
}

function rotate(x: number, n: number): number {
  return (x << n) | (x >>> (32 - n));
}
