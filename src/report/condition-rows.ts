/** A path condition as a table by protocol: what it says of the packet's length, of each header, of the maps. */
import type { Atom, AtomKind } from '../condition/index.js';

/** One test of a condition. */
export interface ConditionRow {
  /** `ip`, `tcp`, the name of a map, `packet` for bytes without a name. */
  readonly subject: string;
  /** `dst`, `value[4:1]`; empty where the subject is all there is. */
  readonly field: string;
  /** `== 80`, `found`. */
  readonly test: string;
  readonly kind: AtomKind;
}

/**
 * Subject, field with an optional index, and test: `ip.ttl < 64`, `ports found { proto: 6 }`. What is not of this form
 * stays one cell.
 */
const simple = /^([A-Za-z_][\w#]*)(?:\.([\w.]+(?:\[[^\]]*\])?))?\s+((?:==|!=|<|>=|&|found|not found).*)$/;
const bytes = /^pkt(\[[^\]]*\])\s+(.*)$/;
const lookup = /^([\w#]+)\[(.*)\]((?:\.[\w[\]:.]+)?)\s+((?:==|!=|<|>=|&|found|not found).*)$/;

/** `(tcp.flags & 0x12) != 0x02`: what is masked, and the rest. */
const masked = /^\((\S.*) (& 0x[0-9a-f]+)\) (.*)$/;

/** Takes a test's text apart; what has another form is shown as it is, without a subject. */
export function conditionRow({ text: whole, kind }: Atom): ConditionRow {
  const text = whole.replace(masked, '$1 $2 $3');
  const raw = bytes.exec(text);
  if (raw !== null) return { subject: 'packet', field: `bytes ${raw[1]}`, test: raw[2] as string, kind };
  const found = lookup.exec(text);
  if (found !== null)
    return { subject: found[1] as string, field: `[${found[2]}]${found[3]}`, test: found[4] as string, kind };
  const plain = simple.exec(text);
  if (plain !== null) {
    const [, subject = '', field = '', test = ''] = plain;
    return subject === 'len' ? { subject: 'packet', field: 'length', test, kind } : { subject, field, test, kind };
  }
  return { subject: 'other', field: '', test: whole, kind };
}
