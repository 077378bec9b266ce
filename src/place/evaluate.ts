/** What a placement costs, and which constraints it breaks. */
import { acceptedAhead } from '../predict/index.js';
import { type Element, type Placement, type Problem, tiers } from './model.js';
import { entryCost, sharingCost } from './tiers.js';

/** A constraint that can be broken; the text names it for people and tells constraints apart. */
export interface Violation {
  readonly constraint: string;
  readonly what: string;
}

/** How a map that several elements use is kept. */
export interface Sharing {
  readonly state: number;
  /** `one`: nobody shares it; `home`: it lives with one, others ask; `copies`: each has one and is told of writes. */
  readonly kind: 'one' | 'home' | 'copies';
  readonly home: number;
  readonly ns: number;
}

/** A placement, priced. */
export interface Evaluation {
  readonly violations: readonly Violation[];
  /** By element: busy nanoseconds of its cores a packet. */
  readonly load: readonly number[];
  /** Packets a second that the busiest element takes. */
  readonly throughput: number;
  readonly bottleneck: number;
  /** Nanoseconds a packet, waiting in elements' queues included, of those that find room there. */
  readonly latency: number;
  /** Busy cores of host elements at the rate asked for; 0 without one. */
  readonly hostCores: number;
  /** Nanojoules a packet. */
  readonly energy: number;
  readonly sharing: readonly Sharing[];
  /** What is minimized. */
  readonly score: number;
}

/** Places in an element's queue. */
const queue = 1024;

/** Which constraints count: all, but for who looks for those that contradict each other. */
export type Active = (constraint: string) => boolean;

const all: Active = () => true;

/** Told of a broken constraint; texts are made only if somebody wants them. */
type Broken = (constraint: () => string, what: () => string) => void;

/** Prices a placement of all pieces. */
export function evaluate(problem: Problem, placement: Placement, active: Active = all): Evaluation {
  const violations: Violation[] = [];
  const priced = price(problem, placement, (constraint, what) => {
    const name = constraint();
    if (active(name)) violations.push({ constraint: name, what: what() });
  });
  return { ...priced, violations };
}

/** The same for a search: how many constraints are broken, score and loads. */
export function rank(
  problem: Problem,
  placement: Placement,
  active: Active | undefined,
): Pick<Evaluation, 'score' | 'load'> & { readonly broken: number } {
  let broken = 0;
  const { score, load } = price(problem, placement, (constraint) => {
    if (active === undefined || active(constraint())) broken++;
  });
  return { score, load, broken };
}

function price(problem: Problem, placement: Placement, broken: Broken): Omit<Evaluation, 'violations'> {
  const { elements, pieces, flows } = problem;
  const load = elements.map(() => 0);
  let wait = 0;
  for (const [i, { cost, share }] of pieces.entries()) {
    const at = placement[i] as number;
    const ns = cost[at];
    if (typeof ns === 'number') load[at] = (load[at] as number) + ns * share;
  }
  for (const { from, to, share, bytes } of flows) {
    const at = placement[to] as number;
    const source = from < 0 ? undefined : elements[placement[from] as number];
    const entry = entryCost(source, elements[at] as Element, bytes);
    load[at] = (load[at] as number) + entry.busy * share;
    wait += entry.wait * share;
  }
  const sharing = shareStates(problem, placement, load);
  const rate = problem.objective.kind === 'throughput' ? 0 : problem.objective.rate;
  check(problem, placement, load, rate, broken);
  let bottleneck = 0;
  for (const [e, ns] of load.entries())
    if (ns / cores(elements[e]) > (load[bottleneck] as number) / cores(elements[bottleneck])) bottleneck = e;
  const longest = (load[bottleneck] as number) / cores(elements[bottleneck]);
  const busy = load.reduce((sum, ns) => sum + ns, 0);
  let latency = busy + wait;
  let hostCores = 0;
  let energy = 0;
  for (const [e, ns] of load.entries()) {
    const element = elements[e] as Element;
    const usage = (ns * rate) / 1e9 / element.cores;
    latency += (acceptedAhead(usage, queue) * ns) / element.cores;
    if (element.tier !== 'card') hostCores += (ns * rate) / 1e9;
    energy += ns * element.watts;
  }
  const result = { load, throughput: 1e9 / longest, bottleneck, latency, hostCores, energy, sharing };
  return { ...result, score: scoreOf(problem, result, longest, busy) };
}

const cores = (element: Element | undefined): number => element?.cores ?? 1;

/** What all is asked for comes first; among equals, less work is better. */
function scoreOf(
  { objective }: Problem,
  found: Omit<Evaluation, 'score' | 'violations'>,
  longest: number,
  busy: number,
): number {
  switch (objective.kind) {
    case 'throughput':
      return longest + busy * 1e-4;
    case 'latency':
      return found.latency;
    case 'host-cores':
      return found.hostCores + busy * 1e-9;
    case 'energy':
      return found.energy;
  }
}

/** Adds what shared maps cost to the loads. */
function shareStates(problem: Problem, placement: Placement, load: number[]): Sharing[] {
  return problem.states.map(({ uses }, state) => {
    const first = placement[uses[0]?.piece ?? 0] as number;
    if (uses.every(({ piece }) => placement[piece] === first)) return { state, kind: 'one', home: first, ns: 0 };
    const best = cheapestSharing(problem, placement, uses);
    for (const { element, ns } of best.added) load[element] = (load[element] as number) + ns;
    return { state, kind: best.kind, home: best.home, ns: best.ns };
  });
}

interface SharingCost extends Omit<Sharing, 'state'> {
  readonly added: readonly { readonly element: number; readonly ns: number }[];
}

function cheapestSharing(
  { elements }: Problem,
  placement: Placement,
  uses: Problem['states'][number]['uses'],
): SharingCost {
  const users = [...new Set(uses.map(({ piece }) => placement[piece] as number))];
  const at = (element: number): Element => elements[element] as Element;
  const sums = users.map((element) => {
    let [reads, writes] = [0, 0];
    for (const use of uses) {
      if (placement[use.piece] !== element) continue;
      reads += use.reads;
      writes += use.writes;
    }
    return { element, reads, writes };
  });
  const offers = users.map((home): SharingCost => {
    const added = sums.map(({ element, reads, writes }) => ({
      element,
      ns: (reads + writes) * sharingCost(at(element), at(home)).access,
    }));
    return { kind: 'home', home, added, ns: added.reduce((sum, { ns }) => sum + ns, 0) };
  });
  // Writers of both sides would overtake each other: copies are for maps that one side writes.
  const writers = sums.filter(({ writes }) => writes > 0);
  if (writers.length <= 1) {
    const writer = writers[0]?.element ?? (users[0] as number);
    const told = users.reduce((sum, other) => sum + sharingCost(at(writer), at(other)).tell, 0);
    const ns = (writers[0]?.writes ?? 0) * told;
    offers.push({ kind: 'copies', home: writer, added: [{ element: writer, ns }], ns });
  }
  return offers.reduce((best, offer) => (offer.ns < best.ns ? offer : best));
}

/** Tells of each constraint that is broken. */
function check(problem: Problem, placement: Placement, load: readonly number[], rate: number, broken: Broken): void {
  const { elements, pieces, flows, pins } = problem;
  for (const [i, { name, cost }] of pieces.entries()) {
    const at = placement[i] as number;
    const why = cost[at];
    if (typeof why === 'string')
      broken(
        () => `${name} cannot run on ${elements[at]?.name}`,
        () => why,
      );
  }
  for (const { from, to } of flows) {
    if (from < 0) continue;
    const [a, b] = [elements[placement[from] as number], elements[placement[to] as number]] as [Element, Element];
    if (tiers.indexOf(a.tier) > tiers.indexOf(b.tier))
      broken(
        () => 'packets go down the tiers',
        () => `${pieces[from]?.name} on ${a.name} is before ${pieces[to]?.name} on ${b.name}`,
      );
  }
  for (const [p, { what, name, element }] of pins.entries()) {
    const pinned = what === 'program' ? piecesOf(problem, name) : usersOf(problem, name);
    if (pinned.some((piece) => placement[piece] !== element))
      broken(
        () => pinName(problem, p),
        () => `${what} ${name} is pinned to ${elements[element]?.name}`,
      );
  }
  for (const [e, element] of elements.entries()) {
    const bytes = bytesOn(problem, placement, e);
    if (bytes > element.memory)
      broken(
        () => `memory of ${element.name}`,
        () => `maps of ${bytes} bytes where ${element.memory} are`,
      );
    const usage = ((load[e] as number) * rate) / 1e9;
    if (usage > element.cores)
      broken(
        () => `capacity of ${element.name}`,
        () => `${usage.toFixed(2)} cores busy of ${element.cores}`,
      );
  }
}

/** How a pin is called. */
export function pinName({ pins, elements }: Problem, pin: number): string {
  const { what, name, element } = pins[pin] as Problem['pins'][number];
  return `${what} ${name} is pinned to ${elements[element]?.name}`;
}

function piecesOf({ pieces }: Problem, program: string): number[] {
  return pieces.flatMap((piece, i) => (piece.program === program ? [i] : []));
}

function usersOf({ states }: Problem, map: string): number[] {
  return states.filter(({ name }) => name === map).flatMap(({ uses }) => uses.map(({ piece }) => piece));
}

function bytesOn({ states }: Problem, placement: Placement, element: number): number {
  return states.reduce(
    (sum, { bytes, uses }) => sum + (uses.some(({ piece }) => placement[piece] === element) ? bytes : 0),
    0,
  );
}
