/**
 * What an XDP program answers (enum xdp_action, include/uapi/linux/bpf.h), in the order in which we always list them.
 */
export const verdictNames = ['ABORTED', 'DROP', 'PASS', 'TX', 'REDIRECT'] as const;

export type VerdictName = (typeof verdictNames)[number];

export const XDP_ABORTED = 0;
export const XDP_DROP = 1;
export const XDP_PASS = 2;
export const XDP_TX = 3;
export const XDP_REDIRECT = 4;

/** The action that Linux takes for return value `r0` (low 32 bits): an unknown one counts as ABORTED. */
export function verdictName(r0: number): VerdictName {
  return verdictNames[r0] ?? 'ABORTED';
}
