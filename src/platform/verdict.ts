/**
 * What an XDP program answers (enum xdp_action, include/uapi/linux/bpf.h), in the order in which we always list them.
 */
export const verdictNames = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

/** The five verdicts in words. */
export type VerdictName = (typeof verdictNames)[number];

/** The program failed: dropped, and traced as an error (include/uapi/linux/bpf.h, enum xdp_action). */
export const XDP_ABORTED = 0;
/** Dropped. */
export const XDP_DROP = 1;
/** On to the network stack. */
export const XDP_PASS = 2;
/** Out of the interface that it came in by. */
export const XDP_TX = 3;
/** To another interface, CPU or socket. */
export const XDP_REDIRECT = 4;

/** The action that Linux takes for return value `r0` (low 32 bits): an unknown one counts as ABORTED. */
export function verdictName(r0: number): VerdictName {
  return verdictNames[r0] ?? 'ABORTED';
}
