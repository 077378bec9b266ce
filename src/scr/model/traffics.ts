/** The traffic that techniques are compared on: published flow sizes, skews, and one flow alone. */
import { generateTraffic, type TrafficOptions } from '../../packet/index.js';
import { flowHash } from '../../runtime/index.js';
import { type Workload, WorkloadBuilder } from './workload.js';

/** A kind. */
export interface ScrTraffic {
  readonly name: string;
  readonly options: TrafficOptions;
}

const common: TrafficOptions = { protocols: { tcp: 1 }, ipv6: 0 };
const sized = (name: NonNullable<TrafficOptions['flowSizes']>): ScrTraffic => ({
  name,
  options: { ...common, flowSizes: name },
});

/** All kinds. */
export const scrTraffics: readonly ScrTraffic[] = [
  { name: 'one flow', options: { ...common, flows: 1, sizes: '60' } },
  ...[0, 0.8, 1.1, 1.5, 2].map((zipf) => ({
    name: `Zipf ${zipf}`,
    options: { ...common, flows: 100_000, popularity: { zipf }, sizes: '60' },
  })),
  sized('web-search'),
  sized('data-mining'),
  sized('hadoop'),
  sized('storage'),
  sized('campus'),
];

/** So many packets of it; elements of the state are flows. */
export function workloadOf({ name, options }: ScrTraffic, packets: number, seed = 1): Workload {
  const builder = new WorkloadBuilder();
  for (const { data } of generateTraffic({ ...options, packets, seed }))
    builder.add(flowHash(data, 0, data.length), data.length);
  return builder.finish(name);
}
