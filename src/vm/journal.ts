/**
 * An undo log of guest memory. While one is attached, every store through {@link GuestMemory} first notes the bytes
 * that it is about to overwrite. So a trace can be rolled back when a guard fails after an effect, and two machines
 * can be compared by looking only at what a packet changed.
 *
 * Layout: entry i covers `lengths[i]` bytes at guest address `addresses[i]`; the old bytes of all entries stand one
 * after another in `old`.
 */
export class Journal {
  length = 0;
  addresses: Uint32Array = new Uint32Array(64);
  lengths: Uint32Array = new Uint32Array(64);
  old: Uint8Array = new Uint8Array(1024);
  oldLength = 0;

  clear(): void {
    this.length = 0;
    this.oldLength = 0;
  }

  /** Notes `size` bytes of `u8` at `address`. */
  note(u8: Uint8Array, address: number, size: number): void {
    if (this.length === this.addresses.length) this.growEntries();
    if (this.oldLength + size > this.old.length) this.growOld(size);
    this.addresses[this.length] = address;
    this.lengths[this.length] = size;
    this.length++;
    // A short copy by hand is several times cheaper than subarray().set().
    if (size <= 16) for (let i = 0; i < size; i++) this.old[this.oldLength + i] = u8[address + i] as number;
    else this.old.set(u8.subarray(address, address + size), this.oldLength);
    this.oldLength += size;
  }

  /** Puts the old bytes back, newest first, and forgets them: of all entries, or of those from `from` on. */
  rollback(u8: Uint8Array, from = 0): void {
    let at = this.oldLength;
    for (let i = this.length - 1; i >= from; i--) {
      const size = this.lengths[i] as number;
      at -= size;
      u8.set(this.old.subarray(at, at + size), this.addresses[i] as number);
    }
    this.length = from;
    this.oldLength = at;
  }

  private growEntries(): void {
    const addresses = new Uint32Array(this.addresses.length * 2);
    addresses.set(this.addresses);
    this.addresses = addresses;
    const lengths = new Uint32Array(addresses.length);
    lengths.set(this.lengths);
    this.lengths = lengths;
  }

  private growOld(size: number): void {
    const old = new Uint8Array(Math.max(this.old.length * 2, this.oldLength + size));
    old.set(this.old);
    this.old = old;
  }
}
