/**
 * A queue before a server, M/M/1/N, as LogNIC (MICRO 2023) takes it for each node of a card: Poisson arrivals at
 * `load` times the service rate, room for N packets with the one being served. Pure functions.
 */

/** Share of packets that find the queue full: (1 - load) / (load^-N - load). */
export function lossProbability(load: number, places: number): number {
  if (load <= 0) return 0;
  if (load === 1) return 1 / (places + 1);
  return (1 - load) / (load ** -places - load);
}

/**
 * Packets that one that is let in finds before it, which times the service time is how long it waits: load / (1 -
 * load) - N / (load^-N - 1). LogNIC prints it as the length of the queue; with a queue that is never full the two are
 * the same.
 */
export function acceptedAhead(load: number, places: number): number {
  if (load <= 0) return 0;
  if (load === 1) return (places - 1) / 2;
  return load / (1 - load) - places / (load ** -places - 1);
}

/** Nanoseconds from arrival to the end of service of a packet that is let in. */
export function queueLatency(load: number, places: number, service: number): number {
  return service * (1 + acceptedAhead(load, places));
}

/** A card's throughput as LogNIC has it: the least that one of its parts lets through. */
export function leastOf(limits: Readonly<Record<string, number>>): { readonly part: string; readonly rate: number } {
  const [first, ...rest] = Object.entries(limits);
  const [part, rate] = rest.reduce(
    (least, each) => (each[1] < least[1] ? each : least),
    first ?? ['', Number.POSITIVE_INFINITY],
  );
  return { part, rate };
}
