/**
 * An XDP program on an interface, and another one in its place: by the link that holds it, whoever made it, or by
 * netlink where it was attached without one. Both ways are atomic: each packet meets the old program or the new one.
 *
 * Both name the program that is expected there (BPF_F_REPLACE, XDP_FLAGS_REPLACE): the kernel compares and swaps in
 * one step, so nothing that somebody else attached meanwhile is ever thrown out.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { type Bpf, type KernelIds, linkTypes, Route, type xdpModes } from '../linux/index.js';
import { errno, errnoName } from '../platform/index.js';

/** Where a program is attached. */
export interface Attachment {
  readonly device: string;
  readonly ifindex: number;
  readonly mode: keyof typeof xdpModes;
  /** Undefined: attached by netlink. */
  readonly linkId: number | undefined;
  /** The program that was found there. */
  readonly programId: number;
}

/** The attachment of an interface. Throws InputError, UnsupportedError with why it cannot be taken over. */
export function findAttachment(ids: KernelIds, device: string): Attachment {
  const route = new Route();
  try {
    const found = route.interface(device);
    if (found === undefined) {
      throw new InputError(`there is no interface \`${device}\` in this network namespace`, {}, 'see `ip link`');
    }
    const { mode, programId, ifindex } = found;
    if (mode === 0) throw new InputError(`no XDP program is attached to \`${device}\``, {}, 'attach one first');
    if (mode === 4) throw new UnsupportedError(`several XDP programs are attached to \`${device}\``);
    if (mode !== 1 && mode !== 2)
      throw new UnsupportedError(`the XDP program of \`${device}\` runs on the card itself`);
    const links = linksOf(ids, ifindex, programId);
    if (links.length > 1) {
      throw new UnsupportedError(`links ${links.join(', ')} all have program ${programId} on an interface ${ifindex}`);
    }
    return { device, ifindex, mode, linkId: links[0], programId };
  } finally {
    route.close();
  }
}

/** Ids of XDP links with this program; interfaces of several namespaces may have one number. */
function linksOf(ids: KernelIds, ifindex: number, programId: number): number[] {
  const found: number[] = [];
  for (const id of ids.ids('link')) {
    const fd = ids.open('link', id);
    if (fd < 0) continue;
    const link = ids.link(fd);
    ids.close(fd);
    if (link.type === linkTypes.xdp && link.ifindex === ifindex && link.programId === programId) found.push(id);
  }
  return found;
}

/** The program that is attached now; 0: none. */
export function attachedProgram(device: string): number {
  const route = new Route();
  try {
    return route.interface(device)?.programId ?? 0;
  } finally {
    route.close();
  }
}

/**
 * Puts program `fd` in the place of `oldFd`, which has to be attached. Throws InputError where somebody else changed
 * what is attached; nothing has happened then.
 */
export function swap(ids: KernelIds, at: Attachment, fd: number, oldFd: number): void {
  const status = at.linkId === undefined ? swapByNetlink(at, fd, oldFd) : swapByLink(ids, at.linkId, fd, oldFd);
  if (status < 0) {
    throw new InputError(`the program of \`${at.device}\` cannot be replaced: ${errnoName(status)}`);
  }
}

/** BPF_LINK_UPDATE. The link is opened by its id for this alone: it stays its owner's, and goes when he lets go. */
function swapByLink(ids: KernelIds, linkId: number, fd: number, oldFd: number): number {
  const link = ids.open('link', linkId);
  if (link < 0) return link;
  const status = ids.updateLink(link, fd, oldFd);
  ids.close(link);
  return status;
}

/** In the mode in which the old program was found: another mode would be a second program beside it. */
function swapByNetlink({ ifindex, mode }: Attachment, fd: number, oldFd: number): number {
  const route = new Route();
  try {
    return route.replaceXdp(ifindex, mode, fd, oldFd);
  } finally {
    route.close();
  }
}

/** What the kernel does not tell of a program and a version of it has to share. */
export interface HiddenTraits {
  readonly expectedAttachType: number;
  readonly frags: boolean;
}

/** BPF_XDP of enum bpf_attach_type, and BPF_F_XDP_HAS_FRAGS of the flags of BPF_PROG_LOAD. */
const xdpAttach = 37;
const fragsFlag = 0x20;

/**
 * Finds them by an array of programs: it takes only programs that agree with its first one in these. Nothing that is
 * attached is touched. Throws UnsupportedError where no kind of program fits.
 */
export function hiddenTraits(bpf: Bpf, programFd: number): HiddenTraits {
  const key = new Uint8Array(4);
  const word = (value: number): Uint8Array => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    return bytes;
  };
  // r0 = XDP_PASS; exit
  const insns = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const array = bpf.mapCreate({ type: 3, keySize: 4, valueSize: 4, maxEntries: 1, name: 'jitnic_traits' });
  if (array < 0) throw new UnsupportedError(`the kernel makes no array of programs: ${errnoName(array)}`);
  try {
    const first = bpf.mapUpdate(array, key, word(programFd));
    if (first < 0) throw new UnsupportedError(`the program does not go into an array of programs: ${errnoName(first)}`);
    for (const frags of [false, true]) {
      for (const expectedAttachType of [xdpAttach, 0]) {
        const loaded = bpf.progLoad({ insns, license: 'GPL', expectedAttachType, flags: frags ? fragsFlag : 0 });
        if (!('fd' in loaded)) continue;
        const status = bpf.mapUpdate(array, key, word(loaded.fd));
        bpf.close(loaded.fd);
        if (status === 0) return { expectedAttachType, frags };
        if (status !== -errno.EINVAL) throw new UnsupportedError(`an array of programs: ${errnoName(status)}`);
      }
    }
  } finally {
    bpf.close(array);
  }
  throw new UnsupportedError('the program was loaded in a way that is not known here, so no version could replace it');
}
