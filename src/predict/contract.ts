/**
 * The performance contract of a program: for each class of packets, what they cost, as formulas. A class is a way
 * through the program with its loops folded (flow-model.ts); what is left open in it, rounds of loops and the state of
 * maps, are the formulas' variables. Instructions, loads and stores are exact: who makes a contract evaluates each
 * formula at each packet and compares it with what the interpreter counted.
 */
import type { MapSpec, ProgramSpec } from '../object/index.js';
import { helperId, helperName } from '../platform/index.js';
import { type CostTable, costTables } from './cost-tables.js';
import type { FlowFormulas, FlowVariable } from './flow-model.js';
import { constant, evaluate, type Linear, plus, variable } from './linear.js';
import { callLoads, callName, lookupLoads } from './look-ups.js';
import { severalMaps, type Watch, type WatchedProgram } from './observation.js';
import { memoryOperations } from './weights.js';

/** What a contract speaks of. */
export const quantities = ['insns', 'loads', 'stores', 'helperLoads', 'helperStores'] as const;

/** One of {@link quantities}. */
export type Quantity = (typeof quantities)[number];

/** Least, most and sum over the packets of a class. */
export interface Range {
  readonly least: number;
  readonly most: number;
  readonly sum: number;
}

/** Packets that go the same way, and what each of them costs. */
export interface ContractClass {
  readonly key: string;
  readonly verdict: number;
  readonly packets: number;
  /** How the first of them is described: kind of packet, line that decided. */
  readonly label: string;
  readonly formulas: Readonly<Record<Quantity, Linear>>;
  /** Nanoseconds by element. */
  readonly ns: Readonly<Record<string, Linear>>;
  /** Values of the formulas' variables over the packets. */
  readonly values: ReadonlyMap<string, Range>;
  /** What was counted, whatever the formulas say. */
  readonly counted: Readonly<Record<Quantity, Range>>;
  /** Packets at which a formula says something else than what was counted. */
  readonly wrong: number;
  /** What it said, and what was counted, at the first of them. */
  readonly example: string | undefined;
}

/** What one packet cost. */
export interface PacketCost {
  readonly verdict: number;
  readonly counted: Readonly<Record<Quantity, number>>;
  /** Nanoseconds by element, by its class's formulas. */
  readonly ns: Readonly<Record<string, number>>;
}

/** What is known of a class by the calls that were seen so far. */
interface Known {
  /** What is known of calls up to this version. */
  readonly version: number;
  /** Variables of the formulas. */
  readonly names: readonly string[];
  readonly formulas: Readonly<Record<Quantity, Linear>>;
  readonly ns: Readonly<Record<string, Linear>>;
}

interface OpenClass {
  known: Known;
  example: string | undefined;
  readonly key: string;
  readonly verdict: number;
  readonly label: string;
  packets: number;
  wrong: number;
  readonly values: Map<string, Range>;
  readonly counted: Record<Quantity, Range>;
}

/** Makes a contract from packets as they are run under a {@link Watch}. */
export class ContractMaker {
  private readonly watch: Watch;
  private readonly maps: readonly MapSpec[];
  private readonly classes = new Map<string, OpenClass>();

  constructor(watch: Watch, maps: readonly MapSpec[]) {
    this.watch = watch;
    this.maps = maps;
  }

  /** The packet that the watch has just seen: what it cost. `label` is asked of a class's first packet. */
  add(verdict: number, label: () => string): PacketCost {
    const { watch } = this;
    const touched = watch.programs.filter(({ isTouched }) => isTouched);
    const key = `${verdict} ${watch.programs.map((program, i) => (program.isTouched ? `${i}[${program.model.classOf(program.counts)}]` : '')).join('')}`;
    let found = this.classes.get(key);
    if (found === undefined) {
      found = this.open(key, verdict, label(), touched);
      this.classes.set(key, found);
    }
    // Rounds of loops may come to calls that no packet before came to.
    if (watch.newest > found.known.version) found.known = this.known(touched);
    const { names, formulas, ns } = found.known;
    found.packets++;
    const values = new Map(watch.state);
    for (const { model, counts } of touched)
      for (const { name, counter } of model.variables) values.set(name, counts[counter] ?? 0);
    for (const name of names) found.values.set(name, extended(found.values.get(name), values.get(name) ?? 0));
    let example: string | undefined;
    for (const quantity of quantities) {
      const counted = watch.counted[quantity];
      found.counted[quantity] = extended(found.packets === 1 ? undefined : found.counted[quantity], counted);
      const said = evaluate(formulas[quantity], values);
      if (Math.abs(said - counted) > 1e-6) example = `${quantity}: ${said} by the formula, ${counted} counted`;
    }
    if (example !== undefined) {
      found.wrong++;
      found.example ??= example;
    }
    const priced = Object.entries(ns).map(([element, formula]) => [element, evaluate(formula, values)] as const);
    return { verdict, counted: watch.counted, ns: Object.fromEntries(priced) };
  }

  /** The classes so far, those of most packets first. */
  contract(): ContractClass[] {
    return [...this.classes.values()]
      .map(({ known: { formulas, ns }, ...rest }) => ({ ...rest, formulas, ns }))
      .sort((a, b) => b.packets - a.packets);
  }

  /** What the variables of formulas are. */
  variables(): (FlowVariable & { readonly program: ProgramSpec })[] {
    return this.watch.programs.flatMap(({ model }) =>
      model.variables.map((each) => ({ ...each, program: model.program })),
    );
  }

  private open(key: string, verdict: number, label: string, touched: readonly WatchedProgram[]): OpenClass {
    const zero: Range = { least: 0, most: 0, sum: 0 };
    const counted = Object.fromEntries(quantities.map((quantity) => [quantity, zero])) as Record<Quantity, Range>;
    const known = this.known(touched);
    return { key, verdict, label, known, packets: 0, wrong: 0, example: undefined, values: new Map(), counted };
  }

  private known(touched: readonly WatchedProgram[]): Known {
    const parts = touched.map((program) => ({ program, flow: program.model.formulas(program.counts) }));
    const formulas = parts.reduce(
      (sum, { program, flow }) => addAll(sum, this.programFormulas(program, flow)),
      this.stateFormulas(touched),
    );
    const ns = Object.fromEntries(
      Object.values(costTables).map((table) => [
        table.name,
        parts.reduce(
          (sum, { program, flow }) => plus(sum, programCost(program, flow, table, this.maps)),
          stateCost(table, this.maps),
        ),
      ]),
    );
    return { version: this.watch.newest, names: [...variablesOf({ formulas, ns })], formulas, ns };
  }

  /** What state variables add, whichever way a packet goes. */
  private stateFormulas(touched: readonly WatchedProgram[]): Record<Quantity, Linear> {
    const none = constant(0);
    let helperLoads = none;
    let helperStores = none;
    for (const spec of this.maps) {
      const formula = lookupLoads(spec);
      if (formula === undefined) continue;
      for (const name of ['found', 'probes', 'nodes', 'words', 'descents'] as const)
        helperLoads = plus(helperLoads, variable(`${name}(${spec.name})`, formula[name]));
      helperStores = plus(helperStores, variable(`marks(${spec.name})`));
    }
    for (const other of new Set(touched.flatMap((program) => this.otherCalls(program)))) {
      helperLoads = plus(helperLoads, variable(`loads(${other})`));
      helperStores = plus(helperStores, variable(`stores(${other})`));
    }
    return { insns: none, loads: none, stores: none, helperLoads, helperStores };
  }

  private programFormulas({ model, sites }: WatchedProgram, flow: FlowFormulas): Record<Quantity, Linear> {
    const { insns } = model.program;
    let helperLoads = constant(0);
    for (const [pc, { helper, map }] of sites) {
      const formula = callLoads(helper, this.maps[map]);
      if (formula !== undefined) helperLoads = plus(helperLoads, flow.at(pc), formula.always);
    }
    return {
      insns: flow.sum(() => 1),
      loads: flow.sum((pc) => memoryOperations(insns[pc] as (typeof insns)[number]).loads),
      stores: flow.sum((pc) => memoryOperations(insns[pc] as (typeof insns)[number]).stores),
      helperLoads,
      helperStores: constant(0),
    };
  }

  /** Calls whose loads and stores have no formula: they are variables themselves. */
  private otherCalls({ sites }: WatchedProgram): string[] {
    return [...sites.values()].flatMap(({ helper, map }) => {
      if (callLoads(helper, this.maps[map]) !== undefined) return [];
      return callName(helper, map === severalMaps ? 'one of several maps' : this.maps[map]?.name);
    });
  }
}

function addAll(
  a: Readonly<Record<Quantity, Linear>>,
  b: Readonly<Record<Quantity, Linear>>,
): Record<Quantity, Linear> {
  return Object.fromEntries(quantities.map((quantity) => [quantity, plus(a[quantity], b[quantity])])) as Record<
    Quantity,
    Linear
  >;
}

function programCost(
  { model, kinds, sites }: WatchedProgram,
  flow: FlowFormulas,
  table: CostTable,
  maps: readonly MapSpec[],
): Linear {
  const { insns } = model.program;
  return flow.sum((pc) => {
    const kind = kinds[pc];
    const insn = insns[pc];
    if (kind === undefined || insn === undefined) return 0;
    if (kind !== 'helper') return table.insns[kind];
    const site = sites.get(pc);
    return table.insns.helper + helperCost(site?.helper ?? insn.imm, maps[site?.map ?? -1], table);
  });
}

/** Nanoseconds of a call of a helper on a map, what a look-up walks over left out. */
export function helperCost(helper: number, spec: MapSpec | undefined, table: CostTable): number {
  switch (helper) {
    case helperId.map_lookup_elem:
      return (spec === undefined ? undefined : table.lookups[spec.type]) ?? table.otherHelper;
    case helperId.map_update_elem:
    case helperId.map_delete_elem:
      return (spec === undefined ? undefined : table.updates[spec.type]) ?? table.otherHelper;
    default:
      return table.helpers[helperName(helper) ?? ''] ?? table.otherHelper;
  }
}

/** The packet itself, and what look-ups walk over beyond the first element. */
function stateCost(table: CostTable, maps: readonly MapSpec[]): Linear {
  let cost = constant(table.packet);
  for (const spec of maps) {
    const formula = lookupLoads(spec);
    if (formula === undefined) continue;
    if (formula.probes !== 0) {
      cost = plus(cost, variable(`probes(${spec.name})`, table.probe));
      cost = plus(cost, variable(`found(${spec.name})`, -table.probe));
    }
    if (formula.nodes !== 0) cost = plus(cost, variable(`nodes(${spec.name})`, table.node));
  }
  return cost;
}

/** Names in any formula of a class. */
function variablesOf({ formulas, ns }: Pick<Known, 'formulas' | 'ns'>): Set<string> {
  return new Set([...Object.values(formulas), ...Object.values(ns)].flatMap(({ terms }) => [...terms.keys()]));
}

function extended(range: Range | undefined, value: number): Range {
  if (range === undefined) return { least: value, most: value, sum: value };
  return { least: Math.min(range.least, value), most: Math.max(range.most, value), sum: range.sum + value };
}

/** The mean nanoseconds of a class on an element. */
export function meanNs({ ns, values, packets }: ContractClass, element: string): number {
  const means = new Map([...values].map(([name, { sum }]) => [name, sum / packets] as const));
  return evaluate(ns[element] ?? constant(0), means);
}
