import { describe, expect, it } from 'vitest';
import { RxMetadata } from './rx-metadata.js';

const read = (json: unknown): RxMetadata => RxMetadata.parse(json, 'card.json');

describe('a table of what a device knows of frames', () => {
  it('has a frame of its own for a packet, else that of all others', () => {
    const table = read({
      default: { hash: 1 },
      packets: [{ packet: 2, timestamp: 5, vlan_tag: { id: 4095, priority: 5 } }],
    });
    expect(table.frame(1)).toMatchObject({ hash: 1, rssType: 0 });
    expect(table.frame(2)).toMatchObject({ timestamp: 5n, hash: undefined, vlan: { protocol: 0x8100, tci: 0xafff } });
    expect([...table.features]).toEqual(['timestamp', 'hash', 'vlan-tag']);
  });

  it('takes kinds of hashes by the names of the kernel, in short or in full, and as numbers', () => {
    const kinds = ['XDP_RSS_TYPE_L4_IPV4_TCP', 'l4_ipv6_tcp_ex', 'XDP_RSS_L4', 'l4_any', 'none', 265];
    const types = kinds.map((rss_type) => {
      try {
        return read({ default: { hash: 0, rss_type } }).frame(1)?.rssType;
      } catch {
        return 'none such';
      }
    });
    expect(types).toEqual([25, 30, 'none such', 8, 0, 265]);
  });

  it.each([
    [{ packets: [{ packet: 0 }] }, 'card.json: packets[0]: `packet` counts from 1'],
    [{ packets: [{ packet: 2 }, { packet: 2 }] }, 'card.json: packets[1]: packet 2 is there twice'],
    [{ packets: [{ packet: 2, rss: 1 }] }, 'card.json: packets[0]: `rss` is no field of it'],
    [{ default: { rss_type: 1 } }, 'card.json: the table: default: `rss_type` is of a `hash`'],
    [{ default: { hash: 4294967296 } }, 'card.json: the table: default: `hash` must be a number from 0 to 4294967295'],
    [{ default: { hash: '12 ' } }, 'card.json: the table: default: `hash` must be a number from 0 to 4294967295'],
    [{ default: { timestamp: -1 } }, 'card.json: the table: default: `timestamp` must be a number from 0 to'],
    [{ default: { timestamp: 2 ** 60 } }, 'card.json: the table: default: `timestamp` must be a number from 0 to'],
    [{ default: { vlan_tag: { proto: 'vlan' } } }, 'card.json: the table: default: vlan_tag: `proto` is `vlan`'],
    [{ default: { vlan_tag: { id: 4096 } } }, 'card.json: the table: default: vlan_tag: `id` must be an integer'],
    [{ features: ['rss'] }, 'card.json: the table: `features`: there is no `rss`'],
    [
      { features: ['hash'], default: { timestamp: 1 } },
      'card.json: the table: `features` is without `timestamp`, which a packet has',
    ],
    [[], 'card.json: the table must be an object'],
  ])('refuses %j', (json, message) => {
    let text = '';
    try {
      read(json);
    } catch (error) {
      text = (error as { format(): string }).format();
    }
    expect(text.split('\n')[0]).toContain(message.replace('card.json: ', ''));
    expect(text).toContain('card.json');
  });
});
