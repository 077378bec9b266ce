/** The map side of a {@link Subject} whose state is a {@link Machine}: everything but running packets. */
import type { MapSpec } from '../object/index.js';
import type { Machine, Output } from '../vm/index.js';
import {
  binary,
  type Contents,
  canonical,
  hex,
  isReadable,
  type Observation,
  type Packet,
  type Subject,
} from './subject.js';

/** What BPF_PROG_TEST_RUN says a packet came in by: see KernelSubject. */
export const loopback = 1;

/** A subject says which machine, and runs packets. */
export abstract class MachineMaps implements Subject {
  abstract readonly name: string;
  /** Whose maps these are. */
  protected abstract readonly machine: Machine;

  abstract run(packet: Packet): Observation;

  update(map: number, key: Uint8Array, value: Uint8Array, flags = 0n): number {
    return this.machine.maps[map]?.updateElem(key, value, flags) ?? -1;
  }

  translate(_spec: MapSpec, value: Uint8Array): Uint8Array {
    return value;
  }

  remove(map: number, key: Uint8Array): number {
    return this.machine.maps[map]?.deleteElem(key) ?? -1;
  }

  contents(map: number): Contents | undefined {
    const found = this.machine.maps[map];
    if (found === undefined || !isReadable(found.spec)) return undefined;
    return canonical(
      found.spec,
      [...found.writtenEntries()].map(({ key, value }) => [binary(key), binary(value)]),
    );
  }

  drain(map: number): readonly string[] {
    const found = this.machine.maps[map];
    if (found === undefined || (found.spec.type !== 'queue' && found.spec.type !== 'stack')) return [];
    const drained: string[] = [];
    for (;;) {
      const value = found.lookupAndDeleteElem(new Uint8Array(0));
      if (typeof value === 'number') return drained;
      drained.push(hex(value));
    }
  }

  close(): void {
    // Guest memory goes with the machine.
  }

  /** Nobody listens to the kernel's perf event arrays here, so bpf_perf_event_output says ENOENT. */
  protected removeListeners(machine: Machine = this.machine): void {
    for (const map of machine.maps) {
      if (map.spec.type !== 'perf_event_array') continue;
      for (let cpu = 0; cpu < map.spec.maxEntries && cpu < machine.cpus; cpu++)
        map.deleteElem(Uint8Array.of(cpu, 0, 0, 0));
    }
  }

  /** Ring buffer records among `outputs`, in the order of the maps as the kernel's are drained. */
  protected records(outputs: readonly Output[]): readonly string[] {
    return this.machine.store.ringbufs.flatMap(({ spec }) =>
      outputs.flatMap((output) =>
        output.kind === 'ringbuf' && output.map === spec.name ? [`${spec.name}: ${hex(output.data)}`] : [],
      ),
    );
  }
}
