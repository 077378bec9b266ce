/** Chains of tail calls to cut in tests. */
import { assemble, type ObjectSpec } from '../object/index.js';

/** A program that counts, changes the packet, keeps metadata, and goes on by `how` (r1: context, r3: slot). */
export const stageStep = (name: string, number: number, how: string): string => `
.section xdp
.globl ${name}
${name}:
  r9 = r1
  r1 = ${number}
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = seen ll
  call bpf_map_lookup_elem
  if r0 == 0 goto ${name}_out
  r1 = *(u64 *)(r0 + 0)
  r1 *= 3
  r1 += ${number + 1}
  *(u64 *)(r0 + 0) = r1
  r2 = *(u32 *)(r9 + 0)
  r3 = *(u32 *)(r9 + 4)
  r4 = r2
  r4 += 16
  if r4 > r3 goto ${name}_out
  r3 = *(u8 *)(r2 + 14)
  r5 = r3
  r5 += ${number}
  *(u8 *)(r2 + 15) = r5
  r3 += ${number}
  r3 &= 7
${how}
${name}_out:
  r0 = ${(number % 4) + 1}
  exit
`;
/** Goes on in a slot of `progs`, or in the one that r3 has. */
export const stageCall = (slot?: number): string => `
  ${slot === undefined ? '' : `r3 = ${slot}`}
  r2 = progs ll
  r1 = r9
  call bpf_tail_call
`;
const meta = `
  r1 = r9
  r2 = -8
  call bpf_xdp_adjust_meta
  r2 = *(u32 *)(r9 + 8)
  r3 = *(u32 *)(r9 + 0)
  r4 = r2
  r4 += 8
  if r4 > r3 goto parse_out
  r5 = 0x1234
  *(u64 *)(r2 + 0) = r5
`;

/** parse goes to any slot that the packet says, the others to the next one or to slots that are empty. */
export const stageChain: ObjectSpec = assemble(
  [
    stageStep('parse', 0, stageCall()),
    stageStep('filter', 1, stageCall(2)),
    stageStep('route', 2, `${stageCall(9)}${stageCall(3)}`),
    stageStep('last', 3, ''),
    '.map seen type=array key=4 value=8 max_entries=8',
    '.map progs type=prog_array key=4 value=4 max_entries=8',
    '.slot 0, last',
    '.slot 1, filter',
    '.slot 2, route',
    '.slot 3, last',
  ].join('\n'),
  { name: 'chain.o' },
);
/** The first program keeps metadata of its own. */
export const stageChainWithMetadata: ObjectSpec = assemble(
  [
    stageStep('parse', 0, meta + stageCall(1)),
    stageStep('filter', 1, stageCall(2)),
    stageStep('route', 2, ''),
    '.map seen type=array key=4 value=8 max_entries=8',
    '.map progs type=prog_array key=4 value=4 max_entries=4',
    '.slot 1, filter',
    '.slot 2, route',
  ].join('\n'),
  { name: 'meta.o' },
);

/** All sets of programs with the first among them. */
export function stageCuts(object: ObjectSpec): readonly ReadonlySet<string>[] {
  const [entry, ...others] = object.programs.map(({ name }) => name);
  return Array.from(
    { length: 2 ** others.length },
    (_, bits) => new Set([entry as string, ...others.filter((_name, i) => (bits >> i) & 1)]),
  );
}

/** Packets that take all ways of the chains; one is too short for them. */
export function stagePackets(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, first) =>
    Uint8Array.from({ length: first === 13 ? 15 : 60 }, (_byte, i) => (i * 7 + first) & 0xff),
  );
}
