/**
 * Which element a full LRU map gives up (kernel/bpf/bpf_lru_list.c as of Linux 6.18). It is an approximation of LRU
 * with a second chance, made so that CPUs rarely meet; whoever wants the same keys evicted as in Linux has to follow
 * it list by list.
 *
 * Every element is on one list. An LRU list has three: *active*, *inactive*, *free*. By default the map has one, and
 * each CPU keeps a *local free* list, refilled `target` elements at a time, and a *local pending* list of elements it
 * handed out and that have not yet been seen by the LRU list. With BPF_F_NO_COMMON_LRU each CPU has an LRU list of its
 * own and a fixed share of the elements, and nothing is local.
 *
 * A look-up sets the element's reference bit. Bits are read and cleared when a CPU asks for elements: it moves its
 * pending ones in (referenced: active, else inactive), rotates (old active ones without the bit become inactive,
 * inactive ones with it active), then takes free ones, then shrinks the inactive list from its tail; only if nothing
 * there is unreferenced does it take one regardless.
 *
 *     state (private)
 *     0    block[lists]   u32 active count, u32 inactive count, u32 rotation, u32 fresh     lists = 1, or cpus
 *     ..   u32 steal[cpus]
 *     ..   node[3 * lists + 2 * cpus + elements]
 *              u32 prev, u32 next, u16 cpu, u8 type, u8 ref
 *
 * Nodes are numbered: first the heads (active, inactive, free of each LRU list; then local free, local pending of each
 * CPU), then the elements. `rotation` is a node. Elements from `fresh` on were never used: they count as the end of
 * the free list.
 */
import type { GuestAddress } from '../guest-address.js';
import type { HashChange } from '../map-layout.js';
import type { GuestMemory } from '../memory.js';

const active = 0;
const inactive = 1;
const free = 2;
const localFree = 3;
const localPending = 4;

const blockSize = 16;
const rotationAt = 8;
const freshAt = 12;

const nodeSize = 12;
const nextAt = 4;
const cpuAt = 8;
const typeAt = 10;
const refAt = 11;

/** LOCAL_FREE_TARGET: the most that a CPU takes at a time, and the most that one rotation scans. */
const maxTarget = 128;
/** PERCPU_FREE_TARGET, the same for a CPU's own LRU list. */
const ownTarget = 4;

/** What the lists need to know of the map that they serve. */
export interface LruOptions {
  readonly name: string;
  readonly elements: number;
  readonly cpus: number;
  /** BPF_F_NO_COMMON_LRU; `elements` is then a multiple of `cpus`. */
  readonly ownLists: boolean;
  /** Takes an element out of the hash table; false if it was not there. */
  readonly evict: (element: number) => boolean;
}

/** Lists of element numbers in guest memory; they know nothing of keys and values. */
export class LruLists {
  private readonly memory: GuestMemory;
  private readonly cpus: number;
  private readonly ownLists: boolean;
  private readonly evict: (element: number) => boolean;
  private readonly scans: number;
  private readonly target: number;
  /** Elements of each LRU list. */
  private readonly share: number;
  private readonly blocks: number;
  private readonly steals: number;
  private readonly nodes: GuestAddress;
  private readonly localHeads: number;
  /** Node of element 0. */
  private readonly first: number;

  constructor(memory: GuestMemory, options: LruOptions) {
    const { elements, cpus, ownLists } = options;
    const lists = ownLists ? cpus : 1;
    this.memory = memory;
    this.cpus = cpus;
    this.ownLists = ownLists;
    this.evict = options.evict;
    this.scans = ownLists ? ownTarget : maxTarget;
    this.target = ownLists ? ownTarget : Math.min(Math.max(Math.floor(Math.floor(elements / cpus) / 2), 1), maxTarget);
    this.share = Math.floor(elements / lists);
    this.localHeads = 3 * lists;
    this.first = this.localHeads + 2 * cpus;
    const size = blockSize * lists + 4 * cpus + nodeSize * (this.first + elements);
    const region = memory.allocate('map', `LRU lists of map ${options.name}`, size);
    region.hi = region.lo;
    this.blocks = region.start;
    this.steals = this.blocks + blockSize * lists;
    this.nodes = (this.steals + 4 * cpus) as GuestAddress;
    for (let head = 0; head < this.first; head++) this.link(head, head);
    for (let list = 0; list < lists; list++) memory.store32(this.block(list) + rotationAt, 3 * list + inactive);
    for (let cpu = 0; cpu < cpus; cpu++) memory.store32(this.steals + 4 * cpu, cpu);
  }

  /** bpf_lru_node_set_ref. */
  reference(element: number): void {
    const at = this.at(this.first + element) + refAt;
    if (this.memory.load8(at) === 0) this.memory.store8(at, 1);
  }

  /** Address of element 0's reference bit (a byte), and the distance to the next one's. */
  references(): { readonly at: GuestAddress; readonly stride: number } {
    return { at: (this.at(this.first) + refAt) as GuestAddress, stride: nodeSize };
  }

  /** For compiled code; undefined with BPF_F_NO_COMMON_LRU, where every element that is taken may evict another. */
  change(): HashChange | undefined {
    const { nodes, first, localHeads: heads } = this;
    return this.ownLists ? undefined : { kind: 'lru', nodes, first, heads };
  }

  /** bpf_lru_pop_free: an element for a new key, evicting as needed; -1 if there is none at all. */
  take(cpu: number): number {
    const node = this.ownLists ? this.takeOwn(cpu) : this.takeCommon(cpu);
    return node < 0 ? -1 : node - this.first;
  }

  /** bpf_lru_push_free: an element that has left the table, or never got in. */
  release(element: number): void {
    const node = this.first + element;
    const cpu = this.cpuOf(node);
    if (this.ownLists) {
      this.move(cpu, node, free);
    } else if (this.typeOf(node) === localPending) {
      this.setType(node, localFree);
      this.clearReference(node);
      this.moveTo(node, this.localHeads + 2 * cpu);
    } else {
      this.move(0, node, free);
    }
  }

  private takeOwn(cpu: number): number {
    const head = 3 * cpu + free;
    this.rotate(cpu);
    if (this.isEmpty(head) && !this.hasFresh(cpu)) this.shrink(cpu, ownTarget, head, free);
    const node = this.isEmpty(head) ? this.takeFresh(cpu) : this.next(head);
    if (node < 0) return -1;
    this.clearReference(node);
    this.move(cpu, node, inactive);
    return node;
  }

  private takeCommon(cpu: number): number {
    const { memory } = this;
    let node = this.takeLocal(cpu);
    if (node < 0) {
      this.refill(cpu);
      node = this.takeLocal(cpu);
    }
    if (node < 0) {
      const first = memory.load32(this.steals + 4 * cpu);
      let victim = first;
      do {
        node = this.takeLocal(victim);
        if (node < 0) node = this.takePending(victim);
        victim = (victim + 1) % this.cpus;
      } while (node < 0 && victim !== first);
      memory.store32(this.steals + 4 * cpu, victim);
    }
    if (node >= 0) this.addPending(cpu, node);
    return node;
  }

  /** bpf_lru_list_pop_free_to_local. */
  private refill(cpu: number): void {
    const localHead = this.localHeads + 2 * cpu;
    this.flushPending(cpu);
    this.rotate(0);
    let count = 0;
    while (count < this.target) {
      const node = this.isEmpty(free) ? this.takeFresh(0) : this.next(free);
      if (node < 0) break;
      this.moveToFree(0, node, localHead, localFree);
      count++;
    }
    if (count < this.target) this.shrink(0, this.target - count, localHead, localFree);
  }

  /** __local_list_flush. */
  private flushPending(cpu: number): void {
    const head = this.localHeads + 2 * cpu + 1;
    for (let node = this.previous(head); node !== head; ) {
      const before = this.previous(node);
      const type = this.isReferenced(node) ? active : inactive;
      this.count(0, type, 1);
      this.setType(node, type);
      this.clearReference(node);
      this.moveTo(node, type);
      node = before;
    }
  }

  /** __bpf_lru_list_rotate. */
  private rotate(list: number): void {
    const block = this.block(list);
    if (this.memory.load32(block + 4 * inactive) < this.memory.load32(block + 4 * active)) this.rotateActive(list);
    this.rotateInactive(list);
  }

  /** __bpf_lru_list_rotate_active: from the tail; referenced ones get another round, the others become inactive. */
  private rotateActive(list: number): void {
    const head = 3 * list + active;
    const stop = this.next(head);
    let node = this.previous(head);
    for (let i = 1; node !== head; i++) {
      const before = this.previous(node);
      this.move(list, node, this.isReferenced(node) ? active : inactive);
      if (i === this.scans || node === stop) return;
      node = before;
    }
  }

  /**
   * __bpf_lru_list_rotate_inactive: from where the last rotation ended; referenced ones become active, the others
   * stay.
   */
  private rotateInactive(list: number): void {
    const { memory } = this;
    const head = 3 * list + inactive;
    if (this.isEmpty(head)) return;
    const rotation = this.block(list) + rotationAt;
    let current = memory.load32(rotation);
    let last = this.next(current);
    if (last === head) last = this.next(last);
    let next = head;
    for (let i = 0; i < this.scans; ) {
      if (current === head) {
        current = this.previous(current);
        continue;
      }
      next = this.previous(current);
      if (this.isReferenced(current)) this.move(list, current, active);
      if (current === last) break;
      current = next;
      i++;
    }
    memory.store32(rotation, next);
  }

  /** __bpf_lru_list_shrink: frees up to `wanted` elements of the table onto the list `to`. */
  private shrink(list: number, wanted: number, to: number, type: number): void {
    if (this.shrinkInactive(list, wanted, to, type)) return;
    // All referenced: one goes regardless.
    const head = 3 * list + (this.isEmpty(3 * list + inactive) ? active : inactive);
    for (let node = this.previous(head); node !== head; node = this.previous(node)) {
      if (this.evict(node - this.first)) {
        this.moveToFree(list, node, to, type);
        return;
      }
    }
  }

  private shrinkInactive(list: number, wanted: number, to: number, type: number): boolean {
    const head = 3 * list + inactive;
    let freed = 0;
    let node = this.previous(head);
    for (let i = 1; node !== head; i++) {
      const before = this.previous(node);
      if (this.isReferenced(node)) {
        this.move(list, node, active);
      } else if (this.evict(node - this.first)) {
        this.moveToFree(list, node, to, type);
        freed++;
        if (freed === wanted) break;
      }
      if (i === this.scans) break;
      node = before;
    }
    return freed > 0;
  }

  /** __local_list_pop_free. */
  private takeLocal(cpu: number): number {
    const head = this.localHeads + 2 * cpu;
    if (this.isEmpty(head)) return -1;
    const node = this.next(head);
    this.unlink(node);
    return node;
  }

  /** __local_list_pop_pending: the oldest unreferenced one, else the oldest. */
  private takePending(cpu: number): number {
    const head = this.localHeads + 2 * cpu + 1;
    for (const force of [false, true]) {
      for (let node = this.previous(head); node !== head; node = this.previous(node)) {
        if ((!this.isReferenced(node) || force) && this.evict(node - this.first)) {
          this.unlink(node);
          return node;
        }
      }
    }
    return -1;
  }

  private addPending(cpu: number, node: number): void {
    this.memory.store16(this.at(node) + cpuAt, cpu);
    this.setType(node, localPending);
    this.clearReference(node);
    this.insertAfter(this.localHeads + 2 * cpu + 1, node);
  }

  private hasFresh(list: number): boolean {
    return this.memory.load32(this.block(list) + freshAt) < this.share;
  }

  /** A node that was never used, put at the head of its free list; -1 if there is none. */
  private takeFresh(list: number): number {
    if (!this.hasFresh(list)) return -1;
    const at = this.block(list) + freshAt;
    const fresh = this.memory.load32(at);
    this.memory.store32(at, fresh + 1);
    const node = this.first + list * this.share + fresh;
    this.memory.store16(this.at(node) + cpuAt, list);
    this.setType(node, free);
    this.insertAfter(3 * list + free, node);
    return node;
  }

  /** __bpf_lru_node_move: to the head of `type` in the same LRU list. */
  private move(list: number, node: number, type: number): void {
    const old = this.typeOf(node);
    if (old !== type) {
      this.count(list, old, -1);
      this.count(list, type, 1);
      this.setType(node, type);
    }
    this.clearReference(node);
    this.stepRotation(list, node);
    this.moveTo(node, 3 * list + type);
  }

  /**
   * __bpf_lru_node_move_to_free. What a CPU fetched it uses in the order in which it fetched it: as measured on Linux
   * 6.18 (older kernels turned the order around). Keys do not show it; the padding of recycled per-CPU values does.
   */
  private moveToFree(list: number, node: number, head: number, type: number): void {
    this.stepRotation(list, node);
    this.count(list, this.typeOf(node), -1);
    this.setType(node, type);
    this.moveTo(node, type === localFree ? this.previous(head) : head);
  }

  /** Keeps `rotation` in the inactive list when its node leaves it. */
  private stepRotation(list: number, node: number): void {
    const at = this.block(list) + rotationAt;
    if (this.memory.load32(at) === node) this.memory.store32(at, this.previous(node));
  }

  /** Only active and inactive are counted. */
  private count(list: number, type: number, by: number): void {
    if (type > inactive) return;
    const at = this.block(list) + 4 * type;
    this.memory.store32(at, this.memory.load32(at) + by);
  }

  private block(list: number): number {
    return this.blocks + blockSize * list;
  }

  private at(node: number): number {
    return this.nodes + nodeSize * node;
  }

  private previous(node: number): number {
    return this.memory.load32(this.at(node));
  }

  private next(node: number): number {
    return this.memory.load32(this.at(node) + nextAt);
  }

  private isEmpty(head: number): boolean {
    return this.next(head) === head;
  }

  private cpuOf(node: number): number {
    return this.memory.load16(this.at(node) + cpuAt);
  }

  private typeOf(node: number): number {
    return this.memory.load8(this.at(node) + typeAt);
  }

  private setType(node: number, type: number): void {
    this.memory.store8(this.at(node) + typeAt, type);
  }

  private isReferenced(node: number): boolean {
    return this.memory.load8(this.at(node) + refAt) !== 0;
  }

  private clearReference(node: number): void {
    this.memory.store8(this.at(node) + refAt, 0);
  }

  private link(before: number, after: number): void {
    this.memory.store32(this.at(before) + nextAt, after);
    this.memory.store32(this.at(after), before);
  }

  private unlink(node: number): void {
    this.link(this.previous(node), this.next(node));
  }

  private insertAfter(head: number, node: number): void {
    const after = this.next(head);
    this.link(head, node);
    this.link(node, after);
  }

  private moveTo(node: number, head: number): void {
    this.unlink(node);
    this.insertAfter(head, node);
  }
}
