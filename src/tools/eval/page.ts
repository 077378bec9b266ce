/** `docs/evaluation.md`: the figures of a run as tables and words. */
import { formatNumber } from '../../text/index.js';
import { defences, type Loss, mostLost } from './attack.js';
import { short } from './charts.js';
import { about, type Cell, percent, show, table } from './markdown.js';
import { cacheSizes, type EvalOptions, type ProgramResult } from './measure.js';
import { placesPart } from './places-part.js';
import {
  commonTraffics,
  manyPaths,
  mean,
  meanCurves,
  quantile,
  realTraffic,
  trafficOf,
  withManyPaths,
} from './summary.js';
import { realistic, traffics } from './traffics.js';

/** What the page is made of. */
export interface EvalResults {
  readonly options: EvalOptions;
  readonly examples: readonly ProgramResult[];
  readonly corpus: readonly ProgramResult[];
  /** False: no folder of other programs was given. */
  readonly hasCorpus: boolean;
  /** Programs that no evaluation was made of, and why. */
  readonly without: readonly { readonly name: string; readonly why: string }[];
}

/** The page as Markdown; the same figures give the same bytes. */
export function evaluationPage(results: EvalResults): string {
  const { examples, corpus } = results;
  const all = [...examples, ...corpus];
  return [
    intro(results),
    finding(all),
    placesPart(examples, corpus),
    coverage(all),
    exampleTable(examples),
    searchPart(all),
    policiesPart(withManyPaths(all)),
    thrashing(all),
    attackPart(examples),
    instructions(examples, corpus),
    conditions(examples, corpus),
    corpus.length === 0 ? '' : corpusTable(corpus),
    limits(results),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** What was measured, over which traffic: the head of the page. */
function intro({ options, examples, corpus, hasCorpus, without }: EvalResults): string {
  const { packets, seed, quick } = options;
  const count = `${examples.length} examples${hasCorpus ? ` and ${corpus.length} programs of the corpus` : ''}`;
  return `# Evaluation

How many traces do real programs need, how large must the cache be, and what does a trace save? Written by \`npm run eval\`${quick ? ' (--quick)' : ''}; do not edit it. The
same seed gives the same page: nothing here depends on how fast the machine is.

${count} that branch; ${formatNumber(packets)} packets of each traffic, seed ${seed}.${hasCorpus ? '' : ' No folder of other programs was given.'}${without.length === 0 ? '' : ` ${without.length} others could not be run; they are named at the end.`} A *trace* is one path through a program, with its path
condition; packets that no trace of the cache decides are run, and recorded, by the host. *Realistic* traffic is the example's own capture; for other programs, \`${realistic}\`. For an example, the other traffics choose among the conversations of its capture: generated addresses
would find little in a program that serves certain ones. For other programs, packets are generated: TCP, UDP, ICMP and ARP, a fifth IPv6, VLANs, replies, 2 % damaged.

${table(
  ['traffic', 'packets'],
  [
    ['own', "an example's `traffic.pcap`"],
    ...traffics.filter((row) => row.quick || !quick).map(({ name, description }) => [name, description]),
  ],
)}`;
}

/**
 * The answer to the question of the page, worded by the figures: whether few traces are enough follows from the share
 * of programs that 16 of them serve, so a run over other programs says something else.
 */
function finding(all: readonly ProgramResult[]): string {
  const real = all.map(realTraffic);
  // Where even all traces do not decide 99 %, the case counts as one that no number serves.
  const all99 = commonTraffics(all).flatMap((name) => all.map((result) => trafficOf(result, name)?.for99));
  const within = (most: number, values: readonly (number | undefined)[]): string =>
    percent(values.filter((value) => value !== undefined && value <= most).length / Math.max(1, values.length), 0);
  const real99 = real.map(({ for99 }) => for99);
  const never = all99.filter((value) => value === undefined).length;
  const worst = all
    .filter((result) => realTraffic(result).for99 !== undefined)
    .sort((a, b) => (realTraffic(b).for99 ?? 0) - (realTraffic(a).for99 ?? 0))
    .slice(0, 3);
  const enough = real99.filter((value) => value !== undefined && value <= 16).length / Math.max(1, real99.length);
  const verdict =
    enough >= 0.9
      ? 'Confirmed for nine programs in ten and more, but not for all.'
      : enough >= 0.5
        ? 'Confirmed for more than half of the programs, not for the others.'
        : 'Refuted for most of these programs.';
  return `## The finding: do few traces decide nearly all packets?

${verdict} Under realistic traffic the number of traces needed for 99 % of the packets is at most ${show(quantile(real99, 0.5))} for half of the programs and at most ${show(quantile(real99, 0.9))} for nine in ten
(for 90 % of the packets: ${show(
    quantile(
      real.map(({ for90 }) => for90),
      0.5,
    ),
  )} and ${show(
    quantile(
      real.map(({ for90 }) => for90),
      0.9,
    ),
  )}). 8 traces are enough for 99 % of the packets of ${within(8, real99)} % of the programs, 16 of ${within(16, real99)} %, 64 of ${within(64, real99)} %.
Over all programs and all made traffics, 16 traces are enough in ${within(16, all99)} % of ${formatNumber(all99.length)} cases, 64 in ${within(64, all99)} %.${never === 0 ? '' : ` In ${formatNumber(never)} cases not even all traces decide 99 %, because recordings are given up.`}
The hardest are ${worst.map((result) => `\`${short(result.object)}\`${result.isExample ? '' : ` (\`${result.program}\`)`}, ${show(realTraffic(result).for99)} traces for 99 %`).join('; ')}.
A program has few paths when packets fall into few *classes*. Where a flow's history chooses the way (counters, slots of a table that are taken, rounds of a loop over them), there are as many paths as there are
histories.
`;
}

/** Traces needed by traffic, medians and 90th percentiles over the programs. */
function coverage(all: readonly ProgramResult[]): string {
  const rows = commonTraffics(all).map((name): Cell[] => {
    const found = all.map((result) => trafficOf(result, name)).filter((row) => row !== undefined);
    const of = (key: 'for90' | 'for99' | 'paths', share: number): number | undefined =>
      quantile(
        found.map((row) => row[key]),
        share,
      );
    return [
      name,
      of('for90', 0.5),
      of('for90', 0.9),
      of('for99', 0.5),
      of('for99', 0.9),
      of('paths', 0.5),
      of('paths', 0.9),
      of('paths', 1),
    ];
  });
  return `![Share of packets by trace rank](eval/coverage.svg)

Traces needed, by traffic: the median over the programs, and what nine in ten stay below. Skew between *flows* matters little, since a path is a class of flows and not a flow.

${table(['traffic', '90 %: median', '90 %: 9 in 10', '99 %: median', '99 %: 9 in 10', 'all: median', 'all: 9 in 10', 'all: most'], rows)}
![Traces needed by traffic](eval/skew.svg)
`;
}

/** The examples one by one. */
function exampleTable(examples: readonly ProgramResult[]): string {
  const rows = examples.map((result): Cell[] => {
    const real = realTraffic(result);
    const lru = real.curves['lru'] ?? [];
    const at = (size: number): number | undefined => lru[(cacheSizes as readonly number[]).indexOf(size)];
    return [
      short(result.object),
      real.packets,
      real.paths,
      real.for90,
      real.for99,
      result.worst.paths,
      result.search.found,
      percent(result.compile.best),
      percent(result.compile.worst),
      percent(at(4)),
      percent(at(16)),
      percent(at(64)),
    ];
  });
  return `## The examples, with their own traffic

These captures are made to reach every corner of a program in a thousand packets or so, so they are harder than traffic that lasts.
*Paths in the worst order*: the same packets, sorted so that paths take turns. *Paths, searched*: with packets besides
*that were made to leave a trace at one of its guards (below). *Recordings*: at best each path is recorded once; at
*worst each miss is, in an LRU cache one too small for
that order or for the cycle below, whichever is worse. Programs that keep state take other ways in another order, so now and then the worst is no worse.

${table(
  [
    'example',
    'packets',
    'paths',
    'for 90 %',
    'for 99 %',
    'paths, worst order',
    'paths, searched',
    'recordings for 100 packets: best',
    'worst',
    'hits (%), LRU of 4',
    'of 16',
    'of 64',
  ],
  rows,
)}`;
}

/** How many paths there are that the realistic packets did not take. */
function searchPart(all: readonly ProgramResult[]): string {
  const more = all.filter(({ search }) => search.found > search.known);
  const exhausted = all.filter(({ search }) => search.tried < search.budget);
  const times = all.map(({ search }) => search.found / Math.max(1, search.known)).sort((a, b) => a - b);
  const sum = (get: (search: ProgramResult['search']) => number): string =>
    formatNumber(all.reduce((total, { search }) => total + get(search), 0));
  return `## Paths that the traffic does not show

Traffic that nobody aims at a program leaves most of its ways alone. So each guard of each trace found under realistic traffic is turned round: a packet that took the trace is changed so that it leaves it just there (the guard's
negation in normal form says which bits, lengths and keys that takes), some bits that the condition speaks of are flipped, and a packet that takes a new path joins in; at most
${formatNumber(all[0]?.search.budget ?? 0)} packets a program. ${sum(({ tried }) => tried)} packets found ${sum(({ found, known }) => found - known)} paths besides the ${sum(({ known }) => known)} known ones, in
${more.length} of the ${all.length} programs: ${(times[times.length >> 1] ?? 1).toFixed(1)} times as many for the program in the middle, ${(times[Math.floor(0.9 * times.length)] ?? 1).toFixed(1)} times for one in ten. For ${exhausted.length} programs nothing was
left to try before the budget ran out. Few of these paths matter to a cache, since no traffic takes them for long; they are what an attacker has to choose from.
`;
}

/** Hit rates by policy: what choosing one is worth, and how far from the bound it stays. */
function policiesPart(all: readonly ProgramResult[]): string {
  const real = meanCurves(all.map((result) => realTraffic(result).curves));
  const worst = meanCurves(all.map((result) => result.worst.curves));
  const rows = real.map(({ policy, rates }, p): Cell[] => [
    policy,
    ...rates.map((rate) => percent(rate)),
    ...[2, 4].map((i) => percent(worst[p]?.rates[i])),
  ]);
  return `## Hit rate by size and policy

Mean of the share of packets (%) that hit, over the ${all.length} programs with ${manyPaths} paths or more under realistic traffic. \`belady\` knows the future and is the bound. How the policies work: [the trace cache](cache.md).

![Hit rate by size and policy](eval/policies.svg)

${table(['policy', ...cacheSizes.map((size) => `${size} trace${size === 1 ? '' : 's'}`), 'worst order: 4', '16'], rows)}`;
}

/** The case that breaks recency: a cycle one longer than the cache. */
function thrashing(all: readonly ProgramResult[]): string {
  const cases = all.map(({ cycle }) => cycle).filter((cycle) => cycle !== undefined && cycle.size >= 2);
  const names = Object.keys(cases[0]?.rates ?? {});
  const rows = names.map((name): Cell[] => {
    const rates = cases.map((cycle) => cycle?.rates[name] ?? 0);
    return [name, percent(mean(rates)), percent(quantile(rates, 0.1)), percent(1 - mean(rates))];
  });
  return `## A cache one too small

The paths that decide 90 % of the realistic packets, a packet of each in turn, over and over, and room for all of them but one (${cases.length} programs with three such paths or more). LRU and FIFO always
evict the very trace that comes next. *Recordings* is what the host has to do if nothing holds it back.

${table(['policy', 'hits (%), mean', 'hits (%), nine in ten have more than', 'recordings for 100 packets'], rows)}`;
}

/** How honest traffic fares while somebody thrashes the cache, by defence. */
function attackPart(examples: readonly ProgramResult[]): string {
  const attacks = examples
    .map(({ object, attack }) => ({ object, attack }))
    .filter((row): row is { object: string; attack: NonNullable<typeof row.attack> } => row.attack !== undefined);
  const meanOf = (i: number, key: 'honestHits' | 'recordings'): number =>
    mean(attacks.map(({ attack }) => [attack.calm, ...attack.attacked][i]?.[key] ?? 0));
  const names = ['no attack', ...defences.map(({ name }) => name)];
  const at = (name: string, key: 'honestHits' | 'recordings'): number => meanOf(names.indexOf(name), key);
  const rows = names.map((name, i): Cell[] => [
    name,
    percent(meanOf(i, 'honestHits')),
    percent(meanOf(i, 'recordings')),
  ]);
  const each = attacks.map(({ object, attack }): Cell[] => [
    short(object),
    attack.size,
    attack.paths,
    percent(attack.calm.honestHits),
    ...attack.attacked.map(({ honestHits }) => percent(honestHits)),
  ]);
  const usual = attacks.map(({ object, attack: { size, usual: card } }): Cell[] => [
    short(object),
    size,
    ...lossCells(card.regions),
    lost(card.regions) <= mostLost ? 'yes' : 'no',
    ...lossCells(card.traces),
  ]);
  return `## An attack on the cache

Every second packet is an attacker's, who goes through all the paths that he could find (in the example's capture, and with random and damaged headers), one after another; the others are honest
traffic (\`zipf-1\`). The cache has just the room that honest traffic needs for 99 % of its packets. What is asked is how many of the *honest* packets still hit.
*Penalties* (recordings become rare where traces leave before they paid), *doorkeeper* and *tinylfu* (admission) are
*told in [the trace cache](cache.md).

Without a defence the attack takes ${about(100 * (meanOf(0, 'honestHits') - meanOf(1, 'honestHits')))} points from the honest hit rate (${percent(meanOf(0, 'honestHits'))} %) and makes the host record ${percent(meanOf(1, 'recordings'))} of 100 packets. TinyLFU in front of LRU gives ${about(100 * (at('lru, tinylfu', 'honestHits') - meanOf(1, 'honestHits')))} points back;
penalties bring the recordings down to ${percent(at('lru, penalties', 'recordings'))}, and both together give ${percent(at('lru, tinylfu, penalties', 'honestHits'))} % and ${percent(at('lru, tinylfu, penalties', 'recordings'))}.

![An attack and what helps](eval/attack.svg)

${table(['defence', 'honest packets that hit (%)', 'recordings for 100 packets'], rows)}
By example, honest packets that hit (%), each trace with a place of its own:

${table(['example', 'traces that fit', "attacker's paths", ...names], each)}
A card as it comes (LRU, penalties) with as many places, honest packets that hit (%) without the attack and with it. With regions a place holds up to 16 ways of what it was for, so the attacker's ways find room beside those of others;
he is to take no more than ${about(100 * mostLost)} points (${usual.filter((cells) => cells[5] === 'yes').length} of ${usual.length} examples).

${table(['example', 'places', 'with regions', 'attacked', 'points lost', 'as wanted', 'without regions', 'attacked', 'points lost'], usual)}`;
}

/** Points of the honest hit rate that an attack takes, as a share. */
function lost({ calm, attacked }: Loss): number {
  return Math.max(0, calm - attacked);
}

function lossCells(loss: Loss): Cell[] {
  return [percent(loss.calm), percent(loss.attacked), percent(lost(loss))];
}

/** What a trace saves in instructions. Not in time: that is what `npm run bench` and `trace-bench` are for. */
function instructions(examples: readonly ProgramResult[], corpus: readonly ProgramResult[]): string {
  const row = (result: ProgramResult): Cell[] => {
    const { whole, condition, body } = result.insnsPerPacket;
    const trace = condition + body;
    const ratio = trace === 0 ? '-' : about(whole / trace, 2);
    return [short(result.object), about(whole), about(condition), about(body), ratio];
  };
  const ratios = corpus
    .map(({ insnsPerPacket: { whole, condition, body } }) => whole / Math.max(1, condition + body))
    .filter((ratio) => ratio > 0);
  const more =
    corpus.length === 0
      ? ''
      : `\nOver the corpus the whole program executes ${about(quantile(ratios, 0.5) ?? 0, 2)} times (median) as many instructions as a trace, condition included; nine in ten more than ${about(quantile(ratios, 0.1) ?? 0, 2)} times.\n`;
  return `## Instructions a packet

What the whole program executes, and what a card does on a hit, weighted by packets. The condition counts every guard once and what only guards need; in a tree of traces its shared parts are
evaluated once for all of them, and where a ternary memory matches, most of it costs nothing.

![Instructions a packet](eval/instructions.svg)

${table(['example', 'whole program', 'condition', 'body', 'whole / (condition + body)'], examples.map(row))}${more}`;
}

/**
 * Rules of Program Warping's prototype by program (ATC 2022, table of programs), in a table of 64 entries with keys of
 * 16 bytes.
 */
const warping = [
  ['L2 ACL', 3],
  ['Router', 9],
  ['Tunnel', 7],
  ['DNAT', 6],
  ['Suricata', 49],
  ['Katran', 20],
] as const;

/** The example that does what a program of that table does, by name; corpus programs are told by theirs. */
const counterpart: Readonly<Record<string, string>> = {
  'lpm-router': 'Router',
  nat: 'DNAT',
  'load-balancer': 'Katran',
  firewall: 'L2 ACL',
};

/** Size of the conditions in bits, rows and rest, beside what the prior art needed. */
function conditions(examples: readonly ProgramResult[], corpus: readonly ProgramResult[]): string {
  const rows = [...examples, ...corpus.filter(({ object }) => /router_ipv4|iptunnel/.test(object))].map(
    (result): Cell[] => {
      const { bits, rows: lines, residual, rules, keyBytes } = result.conditions;
      const theirs =
        counterpart[short(result.object)] ??
        (/iptunnel/.test(result.object) ? 'Tunnel' : /router/.test(result.object) ? 'Router' : undefined);
      const known = warping.find(([name]) => name === theirs);
      return [
        short(result.object),
        realTraffic(result).paths,
        bits.median,
        bits.max,
        lines.median,
        lines.max,
        residual.median,
        residual.max,
        rules,
        keyBytes,
        known === undefined ? '' : `${known[0]}: ${known[1]}`,
      ];
    },
  );
  const wide = examples.filter((result) => result.conditions.keyBytes > 16).length;
  const spread = (key: 'bits' | 'rows' | 'residual'): string => {
    const values = corpus.map(({ conditions: sizes }) => sizes[key].median);
    return `${show(quantile(values, 0.5))} (nine in ten: at most ${show(quantile(values, 0.9))})`;
  };
  const more =
    corpus.length === 0
      ? ''
      : `\nOver the corpus a program's middle trace looks at ${spread('bits')} bits, in ${spread('rows')} rows, with ${spread('residual')} others.\n`;
  return `## What conditions cost, and prior art

*Bits*: key bits (packet, length, context) that a trace's ternary rows look at; *rows*: with ranges and exclusions
*expanded; *others*: bits, look-ups and comparisons that no row can express (map state, computed values),
which a card evaluates after the match. *Rules*: different rows of all traces of the realistic traffic, over *bytes* of the packet.

${table(['program', 'traces', 'bits: median', 'max', 'rows: median', 'max', 'others: median', 'max', 'rules', 'bytes', 'Program Warping'], rows)}${more}
Program Warping (ATC 2022) makes rules ahead of time for the read-only part of a program before its first map access, in a table of 64 entries with 16-byte keys. Its figures (last column) are for
other programs of the same kind, so only the order of magnitude compares. Our rules are more because traces go on behind the first map access and end in a verdict: each way through the rest is a trace of its
own, and the damaged and rare packets of these captures have theirs. What the comparison does show: keys that follow a program to its verdict do not fit into 16 bytes for ${wide} of the ${examples.length} examples
(column *bytes*), and the state guards (*others*) are what a table without ALUs behind it would lack.
`;
}

/** The corpus one by one, for those who look for their own program. */
function corpusTable(corpus: readonly ProgramResult[]): string {
  const rows = corpus.map((result): Cell[] => {
    const real = realTraffic(result);
    const { whole, condition, body } = result.insnsPerPacket;
    const lru = real.curves['lru'] ?? [];
    return [
      `${short(result.object)} \`${result.program}\``,
      result.insns,
      real.paths,
      real.for90,
      real.for99,
      result.worst.paths,
      result.search.found,
      `${percent(result.compile.best)} / ${percent(result.compile.worst)}`,
      `${percent(lru[2])} / ${percent(lru[4])}`,
      about(whole),
      about(condition + body),
      `${result.conditions.bits.median} / ${result.conditions.rows.median} / ${result.conditions.residual.median}`,
    ];
  });
  return `## The corpus, program by program

Traffic: \`${realistic}\`. Maps are as the object makes them, mostly empty. *-*: not even all traces decide so many packets. *Recordings*: for 100 packets, best and worst. *Hits*: LRU of 4 and 16.
*Condition*: medians of key bits, rows, and what rows cannot express.

${table(['program', 'insns', 'paths', 'for 90 %', 'for 99 %', 'worst order', 'searched', 'recordings', 'hits (%)', 'insns a packet', 'on a hit', 'condition'], rows)}`;
}

/** What nobody should read into the figures, and the programs that have none. */
function limits({ without, options }: EvalResults): string {
  const list =
    without.length === 0
      ? ''
      : `\nWithout figures: ${without.map(({ name, why }) => `\`${name}\` (${why})`).join('; ')}.\n`;
  return `## What this does not show

- All traffic is made. The flow-size tables are published measurements, but addresses, ports and the mix of protocols are ours, and a packet knows nothing of what the program would want to see.
- The programs of the corpus run with the maps that their objects make. With routes, rules and backends in them there would be more paths.
- Worst order and attack are worst for what they know: paths found in ${formatNumber(options.packets)} packets. The search finds more, and does not find all: it does not turn guards over computed values or contents of maps.
- Hit rates without penalties come from the simulation of the recorded sequence of paths, which counts exactly what a run with that cache does (a test holds it to that); rows with penalties are runs.
- Speed is another matter: \`npm run bench\`.
${list}`;
}
