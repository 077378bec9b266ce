/**
 * Rewrites that a validator has to tell apart: a piece of code, what a good optimizer makes of it, and what a bad one
 * did. The first eight wrong ones are the faults that were found in published optimizers (Merlin's code of 2024, an
 * -O3 build of EPSO's); the others are what one gets wrong when one writes such a thing.
 *
 * All pieces stand between the same two: before them r1 and r6 are the context, r2 is the packet of at least 34 bytes,
 * r3 its end, r8 an element of the map `counters` (16 bytes); at `out` r0 is the verdict.
 */
export interface RewriteRow {
  readonly name: string;
  readonly before: string;
  /** Does the same. */
  readonly right?: string | undefined;
  /** Does not. */
  readonly wrong: string;
  /** Only somebody who runs at the same time would see it. */
  readonly needsOthers?: true;
}

const load = 'r1 = *(u8 *)(r2 + 0)';
const key = 'r2 = r10\nr2 += -8';
const lookup = 'r1 = counters ll\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem\nif r0 == 0 goto out';
const pass = 'r0 = 2';

/** Found in published optimizers. */
const published: readonly RewriteRow[] = [
  {
    name: 'fusing into an atomic when the load is the second operand (Merlin)',
    before: `${load}\nr5 = *(u64 *)(r8 + 0)\nr1 += r5\n*(u64 *)(r8 + 0) = r1\n${pass}`,
    right: `${load}\nlock *(u64 *)(r8 + 0) += r1\n${pass}`,
    wrong: `${load}\nr5 = *(u64 *)(r8 + 0)\nlock *(u64 *)(r8 + 0) += r5\n${pass}`,
  },
  {
    name: 'fusing although the sum has another use (Merlin)',
    before: 'r5 = *(u64 *)(r8 + 0)\nr5 += 1\n*(u64 *)(r8 + 0) = r5\nr0 = r5\nr0 &= 3',
    right: 'r5 = 1\nr5 = atomic_fetch_add((u64 *)(r8 + 0), r5)\nr5 += 1\nr0 = r5\nr0 &= 3',
    wrong: 'r5 = *(u64 *)(r8 + 0)\nr4 = 1\nlock *(u64 *)(r8 + 0) += r4\nr0 = r5\nr0 &= 3',
  },
  {
    name: 'mask and shift as two shifts, the shift not over the zeros of the mask (Merlin)',
    before: `${load}\nr1 &= 0xf0\nr1 >>= 2\nr0 = r1`,
    right: `${load}\nr1 >>= 4\nr1 <<= 2\nr0 = r1`,
    wrong: `${load}\nr1 <<= 56\nr1 >>= 58\nr0 = r1`,
  },
  {
    name: 'a constant put into a 64-bit store that extends its sign (Merlin)',
    before: `w1 = -1\n*(u64 *)(r8 + 0) = r1\n${pass}`,
    right: `*(u32 *)(r8 + 0) = -1\n*(u32 *)(r8 + 4) = 0\n${pass}`,
    wrong: `*(u64 *)(r8 + 0) = -1\n${pass}`,
  },
  {
    name: 'every loaded value taken for 0 (EPSO)',
    before: `${load}\nr0 = r1\nr0 &= 3`,
    right: 'r0 = *(u8 *)(r2 + 0)\nw0 &= 3',
    wrong: 'r0 = 0',
  },
  {
    name: 'the packet left out of a bounds check (EPSO)',
    before: `r4 = r2\nr4 += 38\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 + 34)`,
    right: `r5 = r2\nr5 += 38\nif r3 < r5 goto out\nr0 = *(u32 *)(r2 + 34)`,
    wrong: `r4 = 38\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 + 34)`,
  },
  {
    name: 'what is alive at the beginning left out of a sum (EPSO)',
    before: `${load}\nr5 = 5\nr5 += r1\nr0 = r5`,
    right: `r0 = *(u8 *)(r2 + 0)\nr0 += 5`,
    wrong: `${load}\nr5 = 5\nr0 = r5`,
  },
  {
    name: 'an argument of a helper left out (EPSO)',
    before: `r3 = r8\nr1 = counters ll\n${key}\nr4 = 1\ncall bpf_map_update_elem\nr0 &= 3`,
    right: `r4 = 1\nr3 = r8\nr2 = r10\nr2 += -8\nr1 = counters ll\ncall bpf_map_update_elem\nr0 &= 3`,
    wrong: `r3 = r8\nr1 = counters ll\n${key}\nr4 = 0\ncall bpf_map_update_elem\nr0 &= 3`,
  },
];

/** Arithmetic and comparisons. */
const arithmetic: readonly RewriteRow[] = [
  {
    name: '32-bit arithmetic where the upper half counts',
    before: `r1 = *(u64 *)(r2 + 0)\nr1 += 1\n*(u64 *)(r8 + 0) = r1\n${pass}`,
    right: `r1 = *(u64 *)(r2 + 0)\nr5 = 1\nr5 += r1\n*(u64 *)(r8 + 0) = r5\n${pass}`,
    wrong: `r1 = *(u64 *)(r2 + 0)\nw1 += 1\n*(u64 *)(r8 + 0) = r1\n${pass}`,
  },
  {
    name: 'a logical shift for an arithmetic one',
    before: 'r1 = *(u32 *)(r2 + 0)\nw1 s>>= 31\nr0 = r1\nr0 &= 3',
    right: 'r1 = *(u32 *)(r2 + 0)\nw1 >>= 31\nw1 = -w1\nw1 &= 3\nr0 = r1',
    wrong: 'r1 = *(u32 *)(r2 + 0)\nw1 >>= 31\nr0 = r1\nr0 &= 3',
  },
  {
    name: 'a signed comparison for an unsigned one',
    before: `r1 = *(u64 *)(r2 + 0)\nr0 = 1\nif r1 > 100 goto out\n${pass}`,
    right: `r1 = *(u64 *)(r2 + 0)\nr0 = 1\nif r1 >= 101 goto out\n${pass}`,
    wrong: `r1 = *(u64 *)(r2 + 0)\nr0 = 1\nif r1 s> 100 goto out\n${pass}`,
  },
  {
    name: '`>=` for `>`',
    before: `${load}\nr0 = 1\nif r1 > 100 goto out\n${pass}`,
    right: `${load}\nr0 = 2\nif r1 <= 100 goto out\nr0 = 1`,
    wrong: `${load}\nr0 = 1\nif r1 >= 100 goto out\n${pass}`,
  },
  {
    name: 'a comparison of low halves for one of 64 bits',
    before: `r1 = *(u64 *)(r2 + 0)\nr4 = 0x700000007 ll\nr1 &= r4\nr0 = 1\nif r1 == 5 goto out\n${pass}`,
    wrong: `r1 = *(u64 *)(r2 + 0)\nw1 &= 7\nr0 = 1\nif w1 == 5 goto out\n${pass}`,
  },
  {
    name: 'a byte swap of the wrong width',
    before: 'r1 = *(u16 *)(r2 + 12)\nr1 = be16 r1\n*(u32 *)(r8 + 0) = r1\nr0 = 2',
    right: 'r1 = *(u8 *)(r2 + 12)\nr4 = *(u8 *)(r2 + 13)\nr1 <<= 8\nr1 |= r4\n*(u32 *)(r8 + 0) = r1\nr0 = 2',
    wrong: 'r1 = *(u16 *)(r2 + 12)\nr1 = be32 r1\n*(u32 *)(r8 + 0) = r1\nr0 = 2',
  },
  {
    name: 'a remainder by a mask that is too wide',
    before: 'r1 = *(u32 *)(r2 + 0)\nr1 %= 8\nr0 = r1',
    right: 'r1 = *(u32 *)(r2 + 0)\nr1 &= 7\nr0 = r1',
    wrong: 'r1 = *(u32 *)(r2 + 0)\nr1 &= 8\nr0 = r1',
  },
  {
    name: 'a quotient by a shift too many',
    before: 'r1 = *(u32 *)(r2 + 0)\nr1 /= 4\nr0 = r1',
    right: 'r0 = *(u32 *)(r2 + 0)\nr0 >>= 2',
    wrong: 'r0 = *(u32 *)(r2 + 0)\nr0 >>= 3',
  },
  {
    name: 'sign extension left out',
    before: 'r1 = *(u8 *)(r2 + 0)\nr1 <<= 56\nr1 s>>= 56\n*(u64 *)(r8 + 0) = r1\nr0 = 2',
    right: 'r1 = *(s8 *)(r2 + 0)\n*(u64 *)(r8 + 0) = r1\nr0 = 2',
    wrong: 'r1 = *(u8 *)(r2 + 0)\n*(u64 *)(r8 + 0) = r1\nr0 = 2',
  },
];

/** Memory. */
const memory: readonly RewriteRow[] = [
  {
    name: 'two stores that overlap, in the other order',
    before: `${load}\n*(u16 *)(r8 + 0) = r1\n*(u8 *)(r8 + 1) = r1\n${pass}`,
    right: `${load}\n*(u8 *)(r8 + 0) = r1\n*(u8 *)(r8 + 1) = r1\n${pass}`,
    wrong: `${load}\n*(u8 *)(r8 + 1) = r1\n*(u16 *)(r8 + 0) = r1\n${pass}`,
  },
  {
    name: 'stores put together in the wrong byte order',
    before: `*(u8 *)(r2 + 0) = 1\n*(u8 *)(r2 + 1) = 2\n${pass}`,
    right: `*(u16 *)(r2 + 0) = 0x201\n${pass}`,
    wrong: `*(u16 *)(r2 + 0) = 0x102\n${pass}`,
  },
  {
    name: 'loads put together from the wrong offset',
    before: `r1 = *(u8 *)(r2 + 4)\nr4 = *(u8 *)(r2 + 5)\nr4 <<= 8\nr1 |= r4\n*(u16 *)(r8 + 0) = r1\n${pass}`,
    right: `r1 = *(u16 *)(r2 + 4)\n*(u16 *)(r8 + 0) = r1\n${pass}`,
    wrong: `r1 = *(u16 *)(r2 + 3)\n*(u16 *)(r8 + 0) = r1\n${pass}`,
  },
  {
    name: 'a store to the packet left out',
    before: `${load}\n*(u8 *)(r2 + 6) = r1\n${pass}`,
    right: `r1 = *(u8 *)(r2 + 0)\nr5 = r2\nr5 += 6\n*(u8 *)(r5 + 0) = r1\n${pass}`,
    wrong: `${load}\n${pass}`,
  },
  {
    name: 'a store to the frame left out that a look-up reads',
    before: `*(u32 *)(r10 - 8) = 1\n*(u32 *)(r10 - 8) = 2\n${lookup}\n*(u32 *)(r0 + 0) = 9\nr0 = 3`,
    right: `*(u32 *)(r10 - 8) = 2\n${lookup}\nr4 = 9\n*(u32 *)(r0 + 0) = r4\nw0 = 3`,
    wrong: `*(u32 *)(r10 - 8) = 1\n${lookup}\n*(u32 *)(r0 + 0) = 9\nr0 = 3`,
  },
  {
    name: 'half of a key',
    before: `r5 = *(u32 *)(r2 + 0)\nr5 &= 3\n*(u64 *)(r10 - 8) = 0\n*(u32 *)(r10 - 8) = r5\n${lookup}\n*(u8 *)(r0 + 0) = 9\nr0 = 3`,
    right: `r5 = *(u8 *)(r2 + 0)\nr5 &= 3\n*(u32 *)(r10 - 8) = r5\n${lookup}\n*(u8 *)(r0 + 0) = 9\nr0 = 3`,
    wrong: `r5 = *(u32 *)(r2 + 0)\nr5 &= 3\n*(u64 *)(r10 - 8) = 0\n*(u16 *)(r10 - 6) = r5\n${lookup}\n*(u8 *)(r0 + 0) = 9\nr0 = 3`,
  },
  {
    name: 'a load moved over a store to the same element by another pointer',
    before: `*(u32 *)(r10 - 8) = 0\n${lookup}\nr1 = 7\n*(u32 *)(r0 + 0) = r1\nr0 = *(u32 *)(r8 + 0)`,
    right: `*(u32 *)(r10 - 8) = 0\n${lookup}\n*(u32 *)(r0 + 0) = 7\nr0 = *(u32 *)(r8 + 0)`,
    wrong: `r9 = *(u32 *)(r8 + 0)\n*(u32 *)(r10 - 8) = 0\n${lookup}\nr1 = 7\n*(u32 *)(r0 + 0) = r1\nr0 = r9`,
  },
  {
    name: 'a loaded value used again after an update of the map',
    before: `r7 = *(u32 *)(r8 + 0)\n*(u32 *)(r10 - 8) = 0\nr3 = r2\nr1 = counters ll\n${key}\nr4 = 0\ncall bpf_map_update_elem\nr0 = *(u32 *)(r8 + 0)`,
    wrong: `r7 = *(u32 *)(r8 + 0)\n*(u32 *)(r10 - 8) = 0\nr3 = r2\nr1 = counters ll\n${key}\nr4 = 0\ncall bpf_map_update_elem\nr0 = r7`,
  },
  {
    name: 'two values spilled to one place',
    before: `r1 = *(u8 *)(r2 + 0)\nr4 = *(u8 *)(r2 + 1)\n*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 24) = r4\nr0 = *(u64 *)(r10 - 16)`,
    right: 'r0 = *(u8 *)(r2 + 0)',
    wrong: `r1 = *(u8 *)(r2 + 0)\nr4 = *(u8 *)(r2 + 1)\n*(u64 *)(r10 - 16) = r1\n*(u64 *)(r10 - 16) = r4\nr0 = *(u64 *)(r10 - 16)`,
  },
  {
    name: 'an atomic addition as load and store',
    before: `r1 = 1\nlock *(u64 *)(r8 + 0) += r1\n${pass}`,
    right: `w1 = 1\nlock *(u64 *)(r8 + 0) += r1\n${pass}`,
    wrong: `r1 = *(u64 *)(r8 + 0)\nr1 += 1\n*(u64 *)(r8 + 0) = r1\n${pass}`,
    needsOthers: true,
  },
];

/** Control flow and calls. */
const control: readonly RewriteRow[] = [
  {
    name: 'the ways of a branch exchanged',
    before: `${load}\nif r1 == 0x45 goto a\nr0 = 1\ngoto out\na:\n${pass}`,
    right: `${load}\nr0 = 2\nif r1 == 0x45 goto out\nr0 = 1`,
    wrong: `${load}\nif r1 != 0x45 goto a\nr0 = 1\ngoto out\na:\n${pass}`,
  },
  {
    name: 'two bounds checks as the stronger one',
    before: `r1 = *(u8 *)(r2 + 0)\nr0 = 3\nif r1 == 0 goto out\nr4 = r2\nr4 += 54\nr0 = 1\nif r4 > r3 goto out\nr0 = 2`,
    right: `r1 = *(u8 *)(r2 + 0)\nr4 = r2\nr4 += 54\nr0 = 3\nif r1 == 0 goto out\nr0 = 2\nif r4 <= r3 goto out\nr0 = 1`,
    wrong: `r4 = r2\nr4 += 54\nr0 = 1\nif r4 > r3 goto out\nr1 = *(u8 *)(r2 + 0)\nr0 = 3\nif r1 == 0 goto out\nr0 = 2`,
  },
  {
    name: 'a look-up that finds nothing, taken for one that does',
    before: `r5 = *(u8 *)(r2 + 0)\n*(u32 *)(r10 - 8) = r5\nr1 = counters ll\n${key}\ncall bpf_map_lookup_elem\nr1 = r0\nr0 = 1\nif r1 == 0 goto out\nr0 = 2`,
    right: `r5 = *(u8 *)(r2 + 0)\n*(u32 *)(r10 - 8) = r5\nr1 = counters ll\n${key}\ncall bpf_map_lookup_elem\nr1 = r0\nr0 = 2\nif r1 != 0 goto out\nr0 = 1`,
    wrong: 'r0 = 2',
  },
  {
    name: 'any element of an array, taken for the first one, which is always there',
    before: `r5 = *(u8 *)(r2 + 0)\n*(u32 *)(r10 - 8) = r5\nr1 = counters ll\n${key}\ncall bpf_map_lookup_elem\nr1 = r0\nr0 = 1\nif r1 == 0 goto out\nr0 = 2`,
    wrong: 'r0 = 2',
  },
  {
    name: 'the beginning of one way before the branch',
    before: `${load}\nr0 = 7\nif r1 != 0x45 goto out\nr0 = 1`,
    right: `${load}\nr0 = 1\nif r1 == 0x45 goto out\nr0 = 7`,
    wrong: `${load}\nr0 = 7\nr0 = 1\nif r1 != 0x45 goto out`,
  },
  {
    name: 'a store of a number, shared with one of a register that holds another',
    before: `${load}\nr5 = 2\nif r1 == 0x45 goto a\n*(u32 *)(r10 - 8) = 0\ngoto b\na: *(u32 *)(r10 - 8) = r5\nb: r0 = *(u32 *)(r10 - 8)`,
    right: `${load}\nr5 = 2\nif r1 == 0x45 goto a\nr5 = 0\na: *(u32 *)(r10 - 8) = r5\nr0 = *(u32 *)(r10 - 8)`,
    wrong: `${load}\nr5 = 2\nif r1 == 0x45 goto a\na: *(u32 *)(r10 - 8) = r5\nr0 = *(u32 *)(r10 - 8)`,
  },
  {
    name: 'an addition where paths met before, as an atomic one of either',
    before: `${load}\nif r1 == 0x45 goto a\nr5 = *(u64 *)(r8 + 0)\nr5 += 1\n*(u64 *)(r8 + 0) = r5\ngoto b\na: r5 = *(u64 *)(r8 + 8)\nr5 += 1\n*(u64 *)(r8 + 8) = r5\nb: r0 = 2`,
    right: `${load}\nr5 = 1\nif r1 == 0x45 goto a\nlock *(u64 *)(r8 + 0) += r5\ngoto b\na: lock *(u64 *)(r8 + 8) += r5\nb: r0 = 2`,
    wrong: `${load}\nif r1 == 0x45 goto a\nr8 += 8\na: r5 = 1\nlock *(u64 *)(r8 + 0) += r5\nr0 = 2`,
  },
  {
    name: "what stood in an argument's register in one that is taken",
    before: 'r4 = r6\nr3 = 5\nr1 = *(u32 *)(r6 + 12)\nif r1 == 9 goto out\nr0 = *(u32 *)(r4 + 16)\nr0 += r3',
    right: 'r3 = 5\nr5 = *(u32 *)(r6 + 12)\nif r5 == 9 goto out\nr0 = *(u32 *)(r6 + 16)\nr0 += r3',
    wrong: 'r3 = 5\nr3 = *(u32 *)(r6 + 12)\nif r3 == 9 goto out\nr0 = *(u32 *)(r6 + 16)\nr0 += r3',
  },
  {
    name: 'calls in the other order',
    before: `*(u32 *)(r10 - 8) = 2\nr1 = flows ll\n${key}\nr3 = r8\nr4 = 0\ncall bpf_map_update_elem\nr1 = flows ll\n${key}\ncall bpf_map_delete_elem\n${pass}`,
    right: `r5 = 2\n*(u32 *)(r10 - 8) = r5\nr4 = 0\nr3 = r8\nr1 = flows ll\n${key}\ncall bpf_map_update_elem\nr2 = r10\nr2 += -8\nr1 = flows ll\ncall bpf_map_delete_elem\n${pass}`,
    wrong: `*(u32 *)(r10 - 8) = 2\nr1 = flows ll\n${key}\ncall bpf_map_delete_elem\nr1 = flows ll\n${key}\nr3 = r8\nr4 = 0\ncall bpf_map_update_elem\n${pass}`,
  },
  {
    name: 'an update of another map',
    before: `*(u32 *)(r10 - 8) = 2\nr1 = flows ll\n${key}\nr3 = r8\nr4 = 0\ncall bpf_map_update_elem\n${pass}`,
    right: `w5 = 2\n*(u32 *)(r10 - 8) = r5\nr3 = r8\nw4 = 0\nr1 = flows ll\n${key}\ncall bpf_map_update_elem\n${pass}`,
    wrong: `*(u32 *)(r10 - 8) = 2\nr1 = counters ll\n${key}\nr3 = r8\nr4 = 0\ncall bpf_map_update_elem\n${pass}`,
  },
  {
    name: 'a loop one round short',
    before: `r4 = 0\nr0 = 0\nr5 = *(u8 *)(r2 + 0)\nr5 &= 3\nagain:\nr0 += r5\nr4 += 1\nif r4 < 10 goto again`,
    right: `r7 = 0\nr0 = 0\nr5 = *(u8 *)(r2 + 0)\nw5 &= 3\nagain:\nr0 += r5\nr7 += 1\nif r7 <= 9 goto again`,
    wrong: `r4 = 0\nr0 = 0\nr5 = *(u8 *)(r2 + 0)\nr5 &= 3\nagain:\nr0 += r5\nr4 += 1\nif r4 < 9 goto again`,
  },
  {
    name: 'what a loop adds up started elsewhere',
    before: `r4 = 0\nr0 = 0\nagain:\nr5 = r4\nr5 &= 1\nr0 += r5\nr4 += 1\nif r4 < 6 goto again`,
    right: `w4 = 0\nw0 = 0\nagain:\nr7 = r4\nw7 &= 1\nr0 += r7\nr4 += 1\nif r4 < 6 goto again`,
    wrong: `r4 = 0\nr0 = 1\nagain:\nr5 = r4\nr5 &= 1\nr0 += r5\nr4 += 1\nif r4 < 6 goto again`,
  },
  {
    name: 'a read of another field of the context',
    before: 'r0 = *(u32 *)(r6 + 12)\nr0 &= 3',
    right: 'r0 = *(u32 *)(r6 + 12)\nw0 &= 3',
    wrong: 'r0 = *(u32 *)(r6 + 16)\nr0 &= 3',
  },
  {
    name: 'the verdict of another way',
    before: `${load}\nr0 = 1\nif r1 == 1 goto out\nr0 = 2\nif r1 == 2 goto out\nr0 = 3`,
    right: `${load}\nr0 = 1\nif r1 == 1 goto out\nr0 = 3\nif r1 != 2 goto out\nr0 = 2`,
    wrong: `${load}\nr0 = 2\nif r1 == 2 goto out\nr0 = 3`,
  },
  {
    name: 'a checksum over less',
    before: `r1 = 0\nr2 = 0\n*(u64 *)(r10 - 8) = 5\nr3 = r10\nr3 += -8\nr4 = 8\nr5 = 0\ncall bpf_csum_diff\n*(u64 *)(r8 + 0) = r0\n${pass}`,
    right: `*(u32 *)(r10 - 8) = 5\n*(u32 *)(r10 - 4) = 0\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = 8\nr5 = 0\ncall bpf_csum_diff\n*(u64 *)(r8 + 0) = r0\n${pass}`,
    wrong: `r1 = 0\nr2 = 0\n*(u64 *)(r10 - 8) = 5\nr3 = r10\nr3 += -4\nr4 = 4\nr5 = 0\ncall bpf_csum_diff\n*(u64 *)(r8 + 0) = r0\n${pass}`,
  },
];

/** All rows, the published faults first. */
export const rewriteRows: readonly RewriteRow[] = [...published, ...arithmetic, ...memory, ...control];
