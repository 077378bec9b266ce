/**
 * A program's tag: the first eight bytes of the SHA-256 (FIPS 180-4) of its instructions, as Linux 6.18 makes it
 * (bpf_prog_calc_tag; older kernels took SHA-1). Written out here, since the browser's digest is asynchronous and a
 * load is one synchronous transaction. Its constants are computed as the standard defines them: bits of the roots of
 * primes.
 */

/** The first 64: 311 is the last of them. */
const primes: readonly number[] = primesUpTo(311);

function primesUpTo(most: number): number[] {
  const found: number[] = [];
  for (let n = 2; n <= most; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/** The first 32 bits behind the point. */
const fraction = (x: number): number => ((x % 1) * 0x1_0000_0000) | 0;
/** K of FIPS 180-4, 4.2.2, and H(0) of 5.3.3. A double has bits enough for the 32 behind the point. */
const roundWords: readonly number[] = primes.map((prime) => fraction(Math.cbrt(prime)));
const firstState: readonly number[] = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

/** Padding of FIPS 180-4, 5.1.1: a bit, zeros, and the length in bits as 64 bits in big endian. */
function sha256(bytes: Uint8Array): readonly number[] {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 0x2000_0000));
  view.setUint32(padded.length - 4, bytes.length << 3);
  let state = firstState;
  for (let block = 0; block < padded.length; block += 64) state = compress(state, view, block);
  return state;
}

/** One block of 64 bytes (FIPS 180-4, 6.2.2); names are those of the standard. */
function compress(state: readonly number[], view: DataView, block: number): readonly number[] {
  const w = new Int32Array(64);
  for (let i = 0; i < 64; i++) {
    const [x = 0, y = 0] = [w[i - 15], w[i - 2]];
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = i < 16 ? view.getInt32(block + 4 * i) : ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (roundWords[i] ?? 0) + (w[i] ?? 0)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  return [a, b, c, d, e, f, g, h].map((word, i) => (word + (state[i] ?? 0)) | 0);
}

/** The tag of instructions, of which references to maps are zero: sixteen hexadecimal digits. */
export function tagOf(bytes: Uint8Array): string {
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
  return sha256(bytes).slice(0, 2).map(hex).join('');
}
