/** What a subject came to over some packets, so that it is run once and compared with many. */

import { type Contents, isReadable, type Observation, type Packet, type Subject } from '../../judge/index.js';
import type { MapSpec, ObjectSpec } from '../../object/index.js';

/** Maps with at most so many elements are read after each packet; comparePackets compares the same ones. */
const eachPacketLimit = 64;

/**
 * The kernel's side of a comparison, recorded. Loading a program and running it there is most of what a trial costs,
 * and a dozen engines and cards are compared with the same run.
 */
export class Transcript {
  private readonly name: string;
  private readonly observations: readonly Observation[];
  /** By packet, then by map; undefined where the map was not read. */
  private readonly contents: readonly (readonly (Contents | undefined)[])[];
  /** Records of each queue and ring buffer, by map, taken after the last packet. */
  private readonly drained: readonly (readonly string[])[];

  private constructor(
    name: string,
    observations: readonly Observation[],
    contents: readonly (readonly (Contents | undefined)[])[],
    drained: readonly (readonly string[])[],
  ) {
    this.name = name;
    this.observations = observations;
    this.contents = contents;
    this.drained = drained;
  }

  /** Runs `packets` through `subject`, whose queues are empty afterwards. */
  static of(object: ObjectSpec, subject: Subject, packets: readonly Packet[]): Transcript {
    const contents: (Contents | undefined)[][] = [];
    let before: readonly (Contents | undefined)[] = [];
    const observations = packets.map((packet, i) => {
      const observation = subject.run(packet);
      const last = i === packets.length - 1;
      const now = object.maps.map((spec, map) =>
        isDue(spec, last) ? same(subject.contents(map), before[map]) : undefined,
      );
      contents.push(now);
      before = now;
      return observation;
    });
    return new Transcript(
      subject.name,
      observations,
      contents,
      object.maps.map((_, map) => subject.drain(map)),
    );
  }

  /** A subject that says it all again. Without `outputs` it says nothing about those. */
  replay(outputs: boolean): Subject {
    let next = 0;
    return {
      name: this.name,
      run: () => {
        const observation = this.observations[next++];
        if (observation === undefined) throw new Error('the transcript is at its end');
        return outputs ? observation : { ...observation, outputs: [] };
      },
      contents: (map) => this.contents[next - 1]?.[map],
      drain: (map) => this.drained[map] ?? [],
      update: () => 0,
      remove: () => 0,
      translate: (_, value) => value,
      close: () => {},
    };
  }
}

/** Large maps are read once, at the end: reading one is a system call for each element. */
function isDue(spec: MapSpec, last: boolean): boolean {
  return isReadable(spec) && (last || spec.maxEntries <= eachPacketLimit);
}

/** The earlier contents where they are the same: most packets change few maps. */
function same(now: Contents | undefined, before: Contents | undefined): Contents | undefined {
  if (now === undefined || before === undefined || now.length !== before.length) return now;
  for (const [i, [key, value]] of now.entries()) if (before[i]?.[0] !== key || before[i]?.[1] !== value) return now;
  return before;
}
