/**
 * Bytes of a packet that BPF_PROG_TEST_RUN takes: at least an Ethernet header, at most a page less its reserves, or 17
 * pages more with fragments.
 */
export const testRunBytes: { readonly least: number; readonly linear: number; readonly frags: number } = {
  least: 14,
  // 4096 less headroom (256) and the skb_shared_info behind the packet (320).
  linear: 3520,
  frags: 3520 + 17 * 4096,
};

/** Does a test run take a packet of `length` bytes for a program that `frags` or does not? */
export function fitsTestRun(length: number, { frags }: { readonly frags: boolean }): boolean {
  return length >= testRunBytes.least && length <= (frags ? testRunBytes.frags : testRunBytes.linear);
}
