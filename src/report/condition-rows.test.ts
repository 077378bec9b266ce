import { describe, expect, it } from 'vitest';
import { conditionRow } from './condition-rows.js';

describe('a condition by protocol', () => {
  it.each([
    ['eth.type != 0x86dd', 'eth', 'type', '!= 0x86dd'],
    ['len >= (ip.ihl * 4 + 34)', 'packet', 'length', '>= (ip.ihl * 4 + 34)'],
    ['(pkt[67:1] & 0x12) != 0x02', 'packet', 'bytes [67:1]', '& 0x12 != 0x02'],
    ['vips[ip.dst, 0] found', 'vips', '[ip.dst, 0]', 'found'],
    ['vips#2[ip.dst, tcp.dport] not found', 'vips#2', '[ip.dst, tcp.dport]', 'not found'],
    ['(vips#2.value[4:1] & 0x3) == 0x00', 'vips#2', 'value[4:1]', '& 0x3 == 0x00'],
    [
      '(reals[connections.value[8:4]].value[16:1] & 0x3) == 0x01',
      'reals',
      '[connections.value[8:4]].value[16:1]',
      '& 0x3 == 0x01',
    ],
    ['ctx.ingress_ifindex == 1', 'ctx', 'ingress_ifindex', '== 1'],
  ])('%s', (text, subject, field, test) => {
    expect(conditionRow({ kind: 'ternary', text })).toEqual({ subject, field, test, kind: 'ternary' });
  });

  it('leaves whole what it cannot take apart', () => {
    const text = '(len - 14) >= ip.len';
    expect(conditionRow({ kind: 'residual', text })).toEqual({
      subject: 'other',
      field: '',
      test: text,
      kind: 'residual',
    });
  });
});
