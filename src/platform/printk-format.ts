/**
 * Which format strings bpf_snprintf, bpf_trace_printk and bpf_trace_vprintk take (bpf_bprintf_prepare in
 * kernel/bpf/helpers.c). The verifier asks this of bpf_snprintf, whose format is a constant; the others find out when
 * they run.
 */

/** Width and flags; then a pointer with its kind, a string, a character, or a number. */
const conversion = /^[0+ -]*(?:[1-9][0-9]*)?(p[uk]s|p[KxsSB]|p[iI][46]|p|s|c|l?l?[iduxX])/;
/** Control characters; bytes above ASCII pass. */
const hostile = /[^\t-\r\x20-\x7e\x80-\xff]/;
/** These end a word: a letter or digit behind them would be read as a modifier that does not exist. */
const endsWord: readonly string[] = ['p', 's', 'pus', 'pks'];

/**
 * Does Linux take `format` with `args` arguments? More arguments than conversions are fine. One character is one byte.
 */
export function printkFormatFits(format: string, args: number): boolean {
  if (hostile.test(format)) return false;
  let used = 0;
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', at)) {
    at++;
    if (format[at] === '%') {
      at++;
      continue;
    }
    const match = conversion.exec(format.slice(at));
    const kind = match?.[1];
    if (match === null || kind === undefined || used >= args) return false;
    used++;
    at += match[0].length;
    if (endsWord.includes(kind) && /^[0-9A-Za-z]/.test(format.slice(at))) return false;
  }
  return true;
}
