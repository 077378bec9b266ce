/**
 * What is done to maps, operation by operation: beside the journal, which knows bytes and not what they mean. Programs
 * look up, update, delete and write to values that they found; the control plane does so through the system call. Who
 * keeps copies of maps somewhere else (a card's memory, another core) has to know which element was touched, and how.
 *
 * The log puts itself in front of the methods of the machine's maps and memory and takes itself away again: where
 * nobody listens there is nothing to ask, and engines call what they always call. It hears what passes through these
 * methods, as the interpreter, the card's executor and all helpers do; compiled code works on the maps' bytes by itself
 * and is not heard.
 *
 * Operations of a transaction that is rolled back did not happen, and are gone from the log with it.
 */
import { InternalError } from '../base/index.js';
import type { Location, MapCell } from '../object/index.js';
import type { Machine } from './machine.js';
import type { BpfMap } from './map.js';
import { cellSize } from './map-cells.js';
import { CellIndex } from './map-index.js';

/** Who did it: a program, or the control plane by bpf(2). */
export type MapSide = 'program' | 'control';

/** An operation. Bytes are copies. */
export type MapOp =
  | {
      readonly kind: 'lookup';
      readonly map: number;
      readonly side: MapSide;
      readonly key: Uint8Array;
      /** The value that was found, if it is one that a location can name; undefined: none. */
      readonly found: MapCell | undefined;
      readonly isFound: boolean;
    }
  | {
      readonly kind: 'update';
      readonly map: number;
      readonly side: MapSide;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      /** 0, or a negated error number: nothing happened. */
      readonly result: number;
    }
  | {
      readonly kind: 'delete';
      readonly map: number;
      readonly side: MapSide;
      readonly key: Uint8Array;
      readonly result: number;
    }
  /** A queue, a stack, a bloom filter. */
  | { readonly kind: 'push' | 'pop' | 'peek'; readonly map: number; readonly side: MapSide; readonly result: number }
  /** A program (or a helper for it) stored into a value. */
  | { readonly kind: 'write'; readonly map: number; readonly at: Location; readonly bytes: Uint8Array };

/** Methods that a log stands in front of. */
type Detour = readonly [object: object, name: string];

/** The operations on a machine's maps from {@link MapLog.open} to {@link MapLog.close}. */
export class MapLog {
  /** In order. */
  readonly ops: MapOp[] = [];
  private readonly machine: Machine;
  private readonly index: CellIndex;
  private readonly detours: Detour[] = [];
  /** Operations that are under way: what they do to bytes is their own business. */
  private depth = 0;
  private atBegin = 0;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.index = new CellIndex(machine.maps);
  }

  /** One log a machine at a time. */
  static open(machine: Machine): MapLog {
    if (Object.hasOwn(machine.memory, 'store8')) throw new InternalError('map log', 'the machine has one already');
    const log = new MapLog(machine);
    for (const map of machine.maps) log.listen(map);
    log.listenToStores();
    log.listenToTransactions();
    return log;
  }

  /**
   * Takes the log away; what it has stays. Newest first, so that the objects are what they were for the engine, too.
   */
  close(): void {
    for (const [object, name] of this.detours.splice(0).reverse()) Reflect.deleteProperty(object, name);
  }

  /** Forgets what there is: between two packets. */
  clear(): void {
    this.ops.length = 0;
    this.atBegin = 0;
  }

  /** Puts `make(the method)` before a method of the object. */
  private detour<T extends object, K extends keyof T & string>(object: T, name: K, make: (method: T[K]) => T[K]): void {
    const method = object[name];
    object[name] = make((method as (...args: unknown[]) => unknown).bind(object) as T[K]);
    this.detours.push([object, name]);
  }

  /** Does it, and notes it if no other operation is under way. */
  private during<T>(work: () => T, note: (result: T) => MapOp): T {
    this.depth++;
    try {
      const result = work();
      if (this.depth === 1) this.ops.push(note(result));
      return result;
    } finally {
      this.depth--;
    }
  }

  private listen(map: BpfMap): void {
    const { memory } = this.machine;
    const { index } = map;
    const { keySize, valueSize } = map.spec;
    const keyAt = (at: number): Uint8Array => memory.read(at, keySize);
    const found = (key: Uint8Array, address: number): MapOp => {
      const isFound = address !== 0;
      return { kind: 'lookup', map: index, side: 'program', key, found: this.index.cellAt(address), isFound };
    };
    this.detour(map, 'lookup', (inner) => (key, cpu) => {
      const bytes = keyAt(key);
      return this.during(
        () => inner(key, cpu),
        (address) => found(bytes, address),
      );
    });
    this.detour(map, 'lookupPercpu', (inner) => (key, cpu) => {
      const bytes = keyAt(key);
      return this.during(
        () => inner(key, cpu),
        (address) => found(bytes, address),
      );
    });
    this.detour(map, 'update', (inner) => (at, from, flags, cpu) => {
      const [key, value] = [keyAt(at), memory.read(from, valueSize)];
      return this.during(
        () => inner(at, from, flags, cpu),
        (result) => ({ kind: 'update', map: index, side: 'program', key, value, result }),
      );
    });
    this.detour(map, 'delete', (inner) => (at, cpu) => {
      const key = keyAt(at);
      return this.during(
        () => inner(at, cpu),
        (result) => ({ kind: 'delete', map: index, side: 'program', key, result }),
      );
    });
    this.detour(
      map,
      'push',
      (inner) => (value, flags) =>
        this.during(
          () => inner(value, flags),
          (result) => ({ kind: 'push', map: index, side: 'program', result }),
        ),
    );
    for (const kind of ['pop', 'peek'] as const)
      this.detour(
        map,
        kind,
        (inner) => (value) =>
          this.during(
            () => inner(value),
            (result) => ({ kind, map: index, side: 'program', result }),
          ),
      );
    this.listenToControl(map);
  }

  private listenToControl(map: BpfMap): void {
    const { index } = map;
    this.detour(
      map,
      'lookupElem',
      (inner) => (key, flags) =>
        this.during(
          () => inner(key, flags),
          (value) => ({
            kind: 'lookup',
            map: index,
            side: 'control',
            key: key.slice(),
            found: undefined,
            isFound: typeof value !== 'number',
          }),
        ),
    );
    this.detour(
      map,
      'updateElem',
      (inner) => (key, value, flags, cpu) =>
        this.during(
          () => inner(key, value, flags, cpu),
          (result) => ({
            kind: 'update',
            map: index,
            side: 'control',
            key: key.slice(),
            value: value.slice(),
            result,
          }),
        ),
    );
    this.detour(
      map,
      'deleteElem',
      (inner) => (key, cpu) =>
        this.during(
          () => inner(key, cpu),
          (result) => ({ kind: 'delete', map: index, side: 'control', key: key.slice(), result }),
        ),
    );
  }

  private listenToStores(): void {
    const { memory } = this.machine;
    const written = (address: number, size: number): void => {
      if (this.depth > 0) return;
      const cell = this.index.cellAt(address);
      const at = cell === undefined ? undefined : { ...cell, offset: address - this.index.startOf(cell) };
      if (at !== undefined && at.offset < cellSize(this.machine.maps[at.map] as BpfMap, at.part))
        this.ops.push({ kind: 'write', map: at.map, at, bytes: memory.read(address, size) });
    };
    const sizes = { store8: 1, store16: 2, store32: 4 } as const;
    for (const name of ['store8', 'store16', 'store32'] as const)
      this.detour(memory, name, (inner) => (address, value) => {
        inner(address, value);
        written(address, sizes[name]);
      });
    this.detour(memory, 'store64', (inner) => (address, value) => {
      inner(address, value);
      written(address, 8);
    });
    this.detour(memory, 'storeHalves', (inner) => (address, low, high) => {
      inner(address, low, high);
      written(address, 8);
    });
    this.detour(memory, 'copy', (inner) => (to, from, size) => {
      inner(to, from, size);
      written(to, size);
    });
    this.detour(memory, 'fill', (inner) => (address, value, size) => {
      inner(address, value, size);
      written(address, size);
    });
    this.detour(memory, 'write', (inner) => (address, bytes) => {
      inner(address, bytes);
      written(address, bytes.length);
    });
  }

  private listenToTransactions(): void {
    const { transaction } = this.machine;
    this.detour(transaction, 'begin', (inner) => () => {
      inner();
      this.atBegin = this.ops.length;
    });
    this.detour(transaction, 'rollback', (inner) => () => {
      inner();
      this.ops.length = this.atBegin;
    });
    // A place in a transaction is an object of its own, so it can be told what it was at.
    const marks = new WeakMap<object, number>();
    this.detour(transaction, 'savepoint', (inner) => () => {
      const savepoint = inner();
      marks.set(savepoint, this.ops.length);
      return savepoint;
    });
    this.detour(transaction, 'rollbackTo', (inner) => (savepoint) => {
      inner(savepoint);
      this.ops.length = Math.min(this.ops.length, marks.get(savepoint) ?? this.atBegin);
    });
  }
}
