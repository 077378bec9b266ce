/**
 * Link types: what the first bytes of a captured packet are. Numbers and names are those of the tcpdump.org registry
 * (https://www.tcpdump.org/linktypes.html); only types that turn up in practice are named.
 *
 * Policy: XDP programs see Ethernet frames, so a capture of another link type is *read* like any other and the type is
 * exposed for every packet; whoever runs programs decides what to do with it. The two BSD numbers for raw IP that
 * libpcap maps to 101 on reading are mapped here too.
 */

/** Registry names without their prefix LINKTYPE_. */
const names: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'ETHERNET',
  3: 'AX25',
  6: 'IEEE802_5',
  7: 'ARCNET_BSD',
  8: 'SLIP',
  9: 'PPP',
  10: 'FDDI',
  50: 'PPP_HDLC',
  51: 'PPP_ETHER',
  100: 'ATM_RFC1483',
  101: 'RAW',
  104: 'C_HDLC',
  105: 'IEEE802_11',
  107: 'FRELAY',
  108: 'LOOP',
  113: 'LINUX_SLL',
  114: 'LTALK',
  117: 'PFLOG',
  119: 'IEEE802_11_PRISM',
  122: 'IP_OVER_FC',
  123: 'SUNATM',
  127: 'IEEE802_11_RADIOTAP',
  129: 'ARCNET_LINUX',
  138: 'APPLE_IP_OVER_IEEE1394',
  143: 'DOCSIS',
  147: 'USER0',
  165: 'BACNET_MS_TP',
  178: 'JUNIPER_ETHER',
  182: 'JUNIPER_CHDLC',
  187: 'BLUETOOTH_HCI_H4',
  189: 'USB_LINUX',
  192: 'PPI',
  195: 'IEEE802_15_4_WITHFCS',
  220: 'USB_LINUX_MMAPPED',
  226: 'IPNET',
  228: 'IPV4',
  229: 'IPV6',
  231: 'DBUS',
  239: 'NFLOG',
  242: 'IPOIB',
  249: 'USBPCAP',
  253: 'NETLINK',
  271: 'VSOCK_MON',
  276: 'LINUX_SLL2',
  281: 'DSA_TAG_BRCM',
  282: 'DSA_TAG_BRCM_PREPEND',
  284: 'DSA_TAG_DSA',
  285: 'DSA_TAG_EDSA',
};

/** Numbers by the names that are used here. */
export const linkTypes = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

/** The registry's name of a link type, such as `ETHERNET`; `LINKTYPE_n` when it has none here. */
export function linkTypeName(linkType: number): string {
  return names[linkType] ?? `LINKTYPE_${linkType}`;
}

/** BSD systems wrote their own DLT_RAW numbers (12, 14) into files before there was a registry. */
export function normalizeLinkType(value: number): number {
  return value === 12 || value === 14 ? linkTypes.raw : value;
}
