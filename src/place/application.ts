/**
 * An application file: programs, how packets go from one to the other, what they share, where what has to stand, what
 * is asked for, and the elements of this host. `schemas/app.schema.json` and docs/place.md have the same fields. Here
 * it is a value; files that it names are read by the command line.
 */
import { NodeReader, type SourceField, type SourceNode } from '../cases/index.js';
import { type CardDescription, numberOf, shippedCard, shippedCards } from '../nic/index.js';
import { verdictNames } from '../platform/index.js';
import { memoryOf } from './card-table.js';
import type { Element, Objective, Tier } from './model.js';
import { tiers } from './model.js';

/** A program of the application. */
export interface AppProgram {
  readonly name: string;
  readonly line: number;
  /** A file and a program in it; or, of a part in user space that no object has, what a packet costs it. */
  readonly code:
    | {
        readonly kind: 'object';
        readonly path: string;
        readonly program: string | undefined;
        readonly mapsIn: string | undefined;
      }
    | { readonly kind: 'server'; readonly cost: number };
}

/** Packets on which `from` decides so go to `to`. */
export interface AppFlow {
  readonly from: string;
  readonly on: string;
  readonly to: string;
  readonly line: number;
}

/** A program, or a map of one, that has to be on an element. */
export interface AppPin {
  readonly what: 'program' | 'map';
  readonly name: string;
  readonly on: string;
  readonly line: number;
}

/** What the file says. */
export interface Application {
  readonly name: string;
  readonly elements: readonly Element[];
  readonly programs: readonly AppProgram[];
  readonly flows: readonly AppFlow[];
  /** Maps of the same name that are one map. */
  readonly shared: readonly { readonly map: string; readonly programs: readonly string[]; readonly line: number }[];
  readonly pins: readonly AppPin[];
  readonly objective: Objective;
  readonly capture: { readonly path: string; readonly count: number; readonly line: number };
}

const fileFields = ['name', 'elements', 'programs', 'flow', 'shared', 'pins', 'objective', 'traffic'] as const;
const elementFields = ['name', 'kind', 'cores', 'memory', 'watts', 'channel', 'card'] as const;
const programFields = ['object', 'program', 'maps-in', 'cost'] as const;
const channels = ['socket', 'af_xdp', 'ring'] as const;
const objectives = ['throughput', 'latency', 'host-cores', 'energy'] as const;

/** Packets of the capture that are looked at unless the file says otherwise. */
const defaultCount = 1000;

/** Throws InputError with file and line, and what was meant. */
export function readApplication(node: SourceNode, file: string | undefined): Application {
  return new Reader(file).read(node);
}

class Reader extends NodeReader {
  read(node: SourceNode): Application {
    const fields = this.fields(node, 'an application', fileFields);
    const need = (name: (typeof fileFields)[number], hint: string): SourceNode =>
      fields.get(name) ?? this.fail(node.line, `the application has no \`${name}\``, hint);
    const elements = this.items(need('elements', 'elements: [{ kind: xdp, cores: 2 }]')).map((each) =>
      this.element(each),
    );
    this.unique(
      elements.map(({ name }) => name),
      fields.get('elements') as SourceNode,
      'elements',
    );
    const programs = this.entries(need('programs', 'programs: { filter: { object: filter.o } }'), '`programs`').map(
      (each) => this.program(each),
    );
    if (programs.length === 0) this.fail(node.line, 'the application has no programs');
    this.unique(
      programs.map(({ name }) => name),
      fields.get('programs') as SourceNode,
      'programs',
    );
    const known = programs.map(({ name }) => name);
    const flows = this.list(fields.get('flow')).map((each) => this.flow(each, known));
    this.refuseRings(programs, flows);
    const traffic = need('traffic', 'traffic: { capture: traffic.pcap }');
    return {
      name: this.text(need('name', 'name: edge'), '`name`'),
      elements,
      programs,
      flows,
      shared: this.list(fields.get('shared')).map((each) => this.shared(each, known)),
      pins: this.list(fields.get('pins')).map((each) => this.pin(each, known, elements)),
      objective: this.objective(fields.get('objective')),
      capture: this.traffic(traffic),
    };
  }

  private list(node: SourceNode | undefined): readonly SourceNode[] {
    return node === undefined ? [] : this.items(node);
  }

  private unique(names: readonly string[], { line }: SourceNode, what: string): void {
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) this.fail(line, `two ${what} are called \`${twice}\``, 'give each a name of its own');
  }

  /** One of some words. */
  private word<T extends string>(node: SourceNode, what: string, known: readonly T[]): T {
    const text = this.text(node, what);
    return (
      known.find((each) => each === text) ??
      this.fail(node.line, `${what}: \`${text}\` is none`, `one of ${known.join(', ')}`)
    );
  }

  private element(node: SourceNode): Element {
    const fields = this.fields(node, 'an element', elementFields);
    const kind = fields.get('kind');
    if (kind === undefined) this.fail(node.line, 'the element has no `kind`', `one of ${tiers.join(', ')}`);
    const tier: Tier = this.word(kind, '`kind`', tiers);
    const name = fields.get('name');
    const channel = fields.get('channel');
    if (channel !== undefined && tier !== 'user') this.fail(channel.line, '`channel` is for elements of kind user');
    const card = fields.get('card');
    if (card !== undefined && tier !== 'card') this.fail(card.line, '`card` is for elements of kind card');
    const described = tier === 'card' ? this.card(card, node.line) : undefined;
    const watts = fields.get('watts');
    const memory = fields.get('memory');
    return {
      name: name === undefined ? tier : this.text(name, '`name`'),
      tier,
      channel: channel === undefined ? undefined : this.word(channel, '`channel`', channels),
      card: described,
      cores: this.optionalWhole(
        fields.get('cores'),
        '`cores`',
        1,
        described === undefined ? 1 : numberOf(described, 'units.cores'),
      ),
      memory:
        memory === undefined
          ? described === undefined
            ? Number.POSITIVE_INFINITY
            : memoryOf(described)
          : this.whole(memory, '`memory` (bytes)', 0),
      watts: watts === undefined ? 10 : this.whole(watts, '`watts`', 0),
    };
  }

  private card(node: SourceNode | undefined, line: number): CardDescription {
    const names = shippedCards.filter(({ kind }) => kind === 'manycore').map(({ name }) => name);
    const name = node === undefined ? 'nfp4000' : this.word(node, '`card`', names);
    return shippedCard(name) ?? this.fail(line, `no card \`${name}\``);
  }

  private optionalWhole(node: SourceNode | undefined, what: string, least: number, otherwise: number): number {
    return node === undefined ? otherwise : this.whole(node, what, least);
  }

  private program({ name, line, node }: SourceField): AppProgram {
    const fields = this.fields(node, `program \`${name}\``, programFields);
    const [object, cost] = [fields.get('object'), fields.get('cost')];
    if (object !== undefined && cost !== undefined)
      this.fail(cost.line, '`object` and `cost` exclude each other', 'what an object costs is counted');
    if (cost !== undefined) return { name, line, code: { kind: 'server', cost: Number(this.time(cost, '`cost`')) } };
    if (object === undefined)
      this.fail(line, `program \`${name}\` has no code`, 'object: prog.o, or cost: 2us of a server in user space');
    const text = (field: (typeof programFields)[number]): string | undefined => {
      const value = fields.get(field);
      return value === undefined ? undefined : this.text(value, `\`${field}\``);
    };
    const code = {
      kind: 'object',
      path: this.text(object, '`object`'),
      program: text('program'),
      mapsIn: text('maps-in'),
    } as const;
    return { name, line, code };
  }

  private known(node: SourceNode | undefined, what: string, names: readonly string[], line: number): string {
    if (node === undefined) return this.fail(line, `no ${what}`);
    return this.word(node, what, names);
  }

  private flow(node: SourceNode, programs: readonly string[]): AppFlow {
    const fields = this.fields(node, 'a flow', ['from', 'on', 'to']);
    const on = fields.get('on');
    return {
      from: this.known(fields.get('from'), '`from`', programs, node.line),
      on: on === undefined ? 'PASS' : this.word(on, '`on`', verdictNames),
      to: this.known(fields.get('to'), '`to`', programs, node.line),
      line: node.line,
    };
  }

  /** A program that packets come back to would run them for ever; two ways for one verdict are no way. */
  private refuseRings(programs: readonly AppProgram[], flows: readonly AppFlow[]): void {
    for (const { name } of programs) {
      const reached = new Set(flows.filter(({ from }) => from === name).map(({ to }) => to));
      for (const each of reached) for (const { from, to } of flows) if (from === each) reached.add(to);
      const flow = flows.find(({ from, to }) => to === name && (from === name || reached.has(from)));
      if (flow !== undefined && reached.has(name)) this.fail(flow.line, `packets of \`${name}\` come back to it`);
    }
    for (const [i, { from, on, line }] of flows.entries())
      if (flows.slice(0, i).some((each) => each.from === from && each.on === on))
        this.fail(line, `\`${from}\` has two ways for ${on}`);
  }

  private shared(node: SourceNode, programs: readonly string[]): Application['shared'][number] {
    const fields = this.fields(node, 'a shared map', ['map', 'in']);
    const map = fields.get('map') ?? this.fail(node.line, 'no `map`');
    const users = this.list(fields.get('in')).map((each) => this.word(each, '`in`', programs));
    if (users.length < 2) this.fail(node.line, '`in` names less than two programs');
    return { map: this.text(map, '`map`'), programs: users, line: node.line };
  }

  private pin(node: SourceNode, programs: readonly string[], elements: readonly Element[]): AppPin {
    const fields = this.fields(node, 'a pin', ['program', 'map', 'on']);
    const [program, map] = [fields.get('program'), fields.get('map')];
    if ((program === undefined) === (map === undefined)) this.fail(node.line, 'a pin is of a `program` or of a `map`');
    const on = this.known(
      fields.get('on'),
      '`on`',
      elements.map(({ name }) => name),
      node.line,
    );
    if (program !== undefined)
      return { what: 'program', name: this.word(program, '`program`', programs), on, line: node.line };
    return { what: 'map', name: this.text(map as SourceNode, '`map`'), on, line: node.line };
  }

  private objective(node: SourceNode | undefined): Objective {
    if (node === undefined) return { kind: 'throughput' };
    const fields = this.fields(node, '`objective`', ['kind', 'rate']);
    const kind = this.word(
      fields.get('kind') ?? this.fail(node.line, 'no `kind`', `one of ${objectives.join(', ')}`),
      '`kind`',
      objectives,
    );
    const rate = fields.get('rate');
    if (kind === 'throughput') {
      if (rate !== undefined)
        this.fail(rate.line, '`rate` is for the other objectives: throughput is what is asked for');
      return { kind };
    }
    if (rate === undefined) this.fail(node.line, `\`${kind}\` needs a \`rate\``, 'packets a second: rate: 1000000');
    return { kind, rate: this.whole(rate, '`rate`', 1) };
  }

  private traffic(node: SourceNode): Application['capture'] {
    const fields = this.fields(node, '`traffic`', ['capture', 'count']);
    const capture = fields.get('capture') ?? this.fail(node.line, 'no `capture`', 'capture: traffic.pcap');
    const count = this.optionalWhole(fields.get('count'), '`count`', 1, defaultCount);
    return { path: this.text(capture, '`capture`'), count, line: capture.line };
  }
}
