/**
 * Network interfaces of this process's network namespace and the XDP programs on them, by rtnetlink: what is attached
 * how, and another program in the place of one that was attached without a link.
 *
 *     message    struct nlmsghdr (16): length, type u16, flags u16, sequence, port
 *                struct ifinfomsg (16): family u8, -, type u16, index, flags, change
 *                attributes: length u16, type u16, payload, padded to 4
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { errno, errnoName } from '../platform/index.js';
import { type Native, type NativeBuffer, openNative } from './native.js';

const netlinkFamily = 16;
const rawSocket = 3;
const messageTypes = { error: 2, newLink: 16, getLink: 18, setLink: 19 } as const;
const request = 1;
const acknowledge = 4;
const attributes = { name: 3, xdp: 43 } as const;
const xdpAttributes = { fd: 1, attached: 2, flags: 3, programId: 4, expectedFd: 8 } as const;
const nested = 0x8000;
const bufferSize = 1 << 16;

/** How a program is attached (XDP_ATTACHED_*), and the flag that asks for it. */
export const xdpModes = {
  1: { name: 'native', flag: 4 },
  2: { name: 'generic', flag: 2 },
  3: { name: 'offload', flag: 8 },
} as const;
/** Only in the place of the program that is named (XDP_FLAGS_REPLACE). */
const replace = 16;

/** An interface and its XDP program. */
export interface Interface {
  readonly ifindex: number;
  readonly name: string;
  /** A key of {@link xdpModes}; 0: nothing is attached; 4: several. */
  readonly mode: number;
  /** 0: none, or several. */
  readonly programId: number;
}

/** A socket of rtnetlink. Close it. */
export class Route {
  private readonly native: Native = openNative();
  private readonly buffer: NativeBuffer = this.native.allocate(bufferSize);
  private readonly fd: number;
  private sequence = 0;

  constructor() {
    this.fd = this.native.syscall(this.native.numbers.socket, netlinkFamily, rawSocket, 0);
    if (this.fd < 0) throw new UnsupportedError(`no netlink socket: ${errnoName(this.fd)}`);
  }

  close(): void {
    this.native.close(this.fd);
    this.buffer.free();
  }

  /** Undefined: there is no interface of that name. */
  interface(name: string): Interface | undefined {
    const text = new TextEncoder().encode(`${name}\0`);
    const reply = this.ask(messageTypes.getLink, 0, [[attributes.name, text]]);
    if (typeof reply === 'number') {
      if (reply === -errno.ENODEV || reply === -errno.EINVAL || reply === -34) return undefined;
      throw new InputError(`interface \`${name}\`: ${errnoName(reply)}`);
    }
    const view = new DataView(reply.buffer, reply.byteOffset);
    const all = readAttributes(reply, 32);
    const xdp = readAttributes(all.get(attributes.xdp) ?? new Uint8Array(0), 0);
    return {
      ifindex: view.getInt32(20, true),
      name,
      mode: xdp.get(xdpAttributes.attached)?.[0] ?? 0,
      programId: word(xdp.get(xdpAttributes.programId)),
    };
  }

  /**
   * Puts a program in the place of `oldFd`, which has to be the one that is attached, in the same mode. 0 or negated
   * errno.
   */
  replaceXdp(ifindex: number, mode: keyof typeof xdpModes, fd: number, oldFd: number): number {
    return this.setXdp(ifindex, [
      [xdpAttributes.fd, wordBytes(fd)],
      [xdpAttributes.flags, wordBytes(xdpModes[mode].flag | replace)],
      [xdpAttributes.expectedFd, wordBytes(oldFd)],
    ]);
  }

  /** Attaches a program where there is none, or takes it away (-1). 0 or negated errno. */
  attachXdp(ifindex: number, mode: keyof typeof xdpModes, fd: number): number {
    const flags = xdpModes[mode].flag | (fd < 0 ? 0 : 1);
    return this.setXdp(ifindex, [
      [xdpAttributes.fd, wordBytes(fd)],
      [xdpAttributes.flags, wordBytes(flags)],
    ]);
  }

  private setXdp(ifindex: number, inner: readonly (readonly [number, Uint8Array])[]): number {
    const reply = this.ask(messageTypes.setLink, ifindex, [[attributes.xdp | nested, writeAttributes(inner)]]);
    return typeof reply === 'number' ? reply : 0;
  }

  /** One request, one answer: the message, or what the kernel acknowledges it with. */
  private ask(type: number, ifindex: number, list: readonly (readonly [number, Uint8Array])[]): Uint8Array | number {
    const body = writeAttributes(list);
    const length = 32 + body.length;
    const { u8, view, address } = this.buffer;
    u8.fill(0, 0, 32);
    view.setUint32(0, length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, request | (type === messageTypes.getLink ? 0 : acknowledge), true);
    view.setUint32(8, ++this.sequence, true);
    view.setInt32(20, ifindex, true);
    u8.set(body, 32);
    const { numbers } = this.native;
    const sent = this.native.syscall(numbers.sendto, this.fd, address, length, 0, 0, 0);
    if (sent < 0) return sent;
    const got = this.native.syscall(numbers.recvfrom, this.fd, address, bufferSize, 0, 0, 0);
    if (got < 0) return got;
    if (view.getUint16(4, true) === messageTypes.error) return view.getInt32(16, true);
    return u8.slice(0, Math.min(got, view.getUint32(0, true)));
  }
}

function word(bytes: Uint8Array | undefined): number {
  return bytes === undefined || bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

function wordBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

function writeAttributes(list: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const size = list.reduce((sum, [, bytes]) => sum + 4 + ((bytes.length + 3) & ~3), 0);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [type, bytes] of list) {
    view.setUint16(at, 4 + bytes.length, true);
    view.setUint16(at + 2, type, true);
    out.set(bytes, at + 4);
    at += 4 + ((bytes.length + 3) & ~3);
  }
  return out;
}

/** Payloads by type; flags of the type are left out. */
function readAttributes(bytes: Uint8Array, from: number): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, Uint8Array>();
  for (let at = from; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}
