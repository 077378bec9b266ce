/** A contract as text and as JSON. */
import { verdictName } from '../platform/index.js';
import {
  type ComparedRow,
  type ContractClass,
  costTables,
  type Linear,
  linearText,
  meanNs,
  type NamedVariable,
  quantities,
  type VersionRow,
} from '../predict/index.js';
import { count, formatNumber, formatShare, formatTable, wrapWords } from '../text/index.js';
import { lineAt } from '../vm/index.js';
import type { Io } from './command.js';
import type { Predicted, TrafficRow } from './predict-packets.js';

/** Classes that the text shows; JSON has them all. */
const shownClasses = 12;

const jsonNames = {
  insns: 'insns',
  loads: 'loads',
  stores: 'stores',
  helperLoads: 'helper_loads',
  helperStores: 'helper_stores',
} as const;

/** `jitnic.predict/1`, without what a comparison adds. */
export function predictJson(predicted: Predicted): Record<string, unknown> {
  const { program, source, packets, digest, trapped, classes, variables, traffic } = predicted;
  return {
    program,
    source,
    packets,
    digest,
    trapped,
    exact: isExact(classes),
    classes: classes.map(classJson),
    variables: variables.map((each) => ({ name: each.name, kind: each.kind, insn: each.pc, ...lineOf(each) })),
    traffic: traffic.map(({ class: kind, verdict, packets: n, counted, ns }) => ({
      class: kind,
      verdict,
      packets: n,
      ...Object.fromEntries(quantities.map((quantity) => [jsonNames[quantity], counted[quantity]])),
      ns,
    })),
    elements: Object.values(costTables).map(({ name, source: from }) => ({ name, source: from })),
  };
}

/** Every formula said what was counted, at every packet. */
export function isExact(classes: readonly ContractClass[]): boolean {
  return classes.every(({ wrong }) => wrong === 0);
}

function classJson({
  verdict,
  label,
  packets,
  wrong,
  formulas,
  ns,
  values,
  counted,
  ...each
}: ContractClass): Record<string, unknown> {
  return {
    verdict: verdictName(verdict),
    label,
    packets,
    wrong,
    ...Object.fromEntries(quantities.map((quantity) => [jsonNames[quantity], formulaJson(formulas[quantity], 6)])),
    ns: Object.fromEntries(Object.entries(ns).map(([element, formula]) => [element, formulaJson(formula, 2)])),
    counted: Object.fromEntries(
      quantities.map((quantity) => {
        const { least, most, sum } = counted[quantity];
        return [jsonNames[quantity], { least, most, mean: sum / packets }];
      }),
    ),
    mean_ns: Object.fromEntries(
      Object.keys(ns).map((element) => [
        element,
        meanNs({ ...each, verdict, label, packets, wrong, formulas, ns, values, counted }, element),
      ]),
    ),
    values: [...values].map(([name, { least, most, sum }]) => ({ name, least, most, mean: sum / packets })),
  };
}

function formulaJson(formula: Linear, digits: number): Record<string, unknown> {
  return {
    text: linearText(formula, digits),
    constant: formula.constant,
    terms: [...formula.terms].map(([variable, coefficient]) => ({ variable, coefficient })),
  };
}

function lineOf({ program, pc }: NamedVariable): { readonly file?: string; readonly line?: number } {
  const line = lineAt(program.lines, pc);
  return line === undefined ? {} : { file: line.file, line: line.line };
}

/** Rows that a comparison takes. */
export function versionRows(traffic: readonly TrafficRow[]): VersionRow[] {
  return traffic.map(({ class: kind, verdict, packets, counted, ns }) => ({
    class: kind,
    verdict,
    packets,
    insns: counted.insns,
    memory: counted.loads + counted.stores + counted.helperLoads + counted.helperStores,
    ns: ns['kernel'] ?? 0,
  }));
}

/** The contract for people. */
export function predictText(predicted: Predicted, io: Io): string {
  const { program, source, packets, trapped, classes, variables } = predicted;
  const { bold } = io.style;
  const from =
    source === 'capture' ? count(packets, 'packet') : `${count(packets, 'path')} that a search found, a packet each`;
  const exactness = isExact(classes)
    ? 'the formulas for instructions and memory say what was counted, packet by packet'
    : `formulas are wrong at ${count(
        classes.reduce((sum, { wrong }) => sum + wrong, 0),
        'packet',
      )}: ${classes.find(({ wrong }) => wrong > 0)?.example ?? ''}`;
  let text = `${wrapWords(`${bold(program)}: ${count(classes.length, 'class', 'classes')} of packets in ${from}; ${exactness}`, io.width, '  ').join('\n')}\n`;
  if (trapped > 0) text += `${count(trapped, 'packet')} ended in a fault and have no class\n`;
  const used = new Set<string>();
  const shown = classes.slice(0, shownClasses);
  for (const each of shown) text += `\n${classText(each, packets, used, io)}`;
  if (classes.length > shown.length) text += `\n... and ${classes.length - shown.length} more; -j has all\n`;
  return text + variablesText(variables, shown, used, io);
}

function classText(each: ContractClass, all: number, used: Set<string>, io: Io): string {
  const { verdict, label, packets, formulas, ns } = each;
  const shown = (formula: Linear, digits = 0): string => {
    // What was 0 at every packet of the class only makes the line longer.
    const present = new Map([...formula.terms].filter(([name]) => (each.values.get(name)?.most ?? 0) !== 0));
    for (const name of present.keys()) used.add(name);
    return linearText({ constant: formula.constant, terms: present }, digits);
  };
  const head = `${io.style.bold(formatShare(packets, all))}  ${verdictName(verdict)}  ${label}`;
  const lines: [string, string][] = [
    ['instructions', shown(formulas.insns)],
    ['memory', `${shown(formulas.loads)} loads, ${shown(formulas.stores)} stores`],
  ];
  const [loads, stores] = [shown(formulas.helperLoads), shown(formulas.helperStores)];
  if (loads !== '0' || stores !== '0') lines.push(['  in helpers', `${loads} loads, ${stores} stores`]);
  for (const [element, formula] of Object.entries(ns))
    lines.push([element, `${shown(formula, 1)} ns; mean ${meanNs(each, element).toFixed(1)}`]);
  const body = lines.map(([name, value]) =>
    wrapWords(`  ${name.padEnd(12)}  ${value}`, io.width, '                ').join('\n'),
  );
  return `${wrapWords(head, io.width, '  ').join('\n')}\n${body.join('\n')}\n`;
}

const meanings: Readonly<Record<string, string>> = {
  found: 'look-ups that find their key',
  probes: 'elements of hash chains that look-ups come to',
  nodes: 'nodes of the trie that look-ups come to',
  words: 'words of prefixes that are compared there',
  descents: 'links that are followed there',
  marks: 'elements that are marked as used',
  loads: 'loads of that helper',
  stores: 'stores of that helper',
};

function variablesText(
  variables: readonly NamedVariable[],
  classes: readonly ContractClass[],
  used: ReadonlySet<string>,
  io: Io,
): string {
  if (used.size === 0) return '';
  const rows = [...used].sort().map((name) => {
    const flow = variables.find((each) => each.name === name);
    const ranges = classes.flatMap(({ values }) => values.get(name) ?? []);
    const least = Math.min(...ranges.map((range) => range.least));
    const most = Math.max(...ranges.map((range) => range.most));
    const meaning = flow === undefined ? (meanings[name.replace(/\(.*/s, '')] ?? '') : flowMeaning(flow);
    return [name, least === most ? formatNumber(least) : `${formatNumber(least)} to ${formatNumber(most)}`, meaning];
  });
  return `\n${formatTable([{ title: 'variable' }, { title: 'seen', align: 'right' }, { title: 'is' }], rows, '', io.width)}`;
}

function flowMeaning(variable: NamedVariable): string {
  const { kind, pc, program } = variable;
  const { file, line } = lineOf(variable);
  const where =
    file === undefined ? `slot ${pc} of ${program.name}` : `${file.slice(file.lastIndexOf('/') + 1)}:${line}`;
  switch (kind) {
    case 'loop':
      return `times round the loop at ${where}`;
    case 'jump':
      return `times that the jump at ${where} is taken`;
    case 'function':
      return `calls of the function at ${where}`;
  }
}

/** A comparison for people. */
export function compareText(rows: readonly ComparedRow[], io: Io): string {
  const cell = (row: ComparedRow, what: 'insns' | 'memory' | 'ns'): string => {
    const [a, b] = [row.old?.[what], row.fresh?.[what]];
    const text = `${a === undefined ? '-' : a.toFixed(1)} -> ${b === undefined ? '-' : b.toFixed(1)}`;
    return row.worse.includes(what) ? `${text} worse` : text;
  };
  const table = formatTable(
    [
      { title: 'packets' },
      { title: 'verdict' },
      { title: 'old', align: 'right' },
      { title: 'new', align: 'right' },
      { title: 'instructions', align: 'right' },
      { title: 'memory operations', align: 'right' },
      { title: 'kernel (ns)', align: 'right' },
    ],
    rows.map((row) => [
      row.class,
      row.verdict,
      formatNumber(row.old?.packets ?? 0),
      formatNumber(row.fresh?.packets ?? 0),
      cell(row, 'insns'),
      cell(row, 'memory'),
      cell(row, 'ns'),
    ]),
    '',
    io.width,
  );
  const worse = rows.filter((row) => row.worse.length > 0).length;
  const parted = rows.some(({ old, fresh }) => old?.packets !== fresh?.packets);
  return `${table}\n${worse === 0 ? 'no regression' : `${count(worse, 'regression')}`}${parted ? '; the versions decide differently: jitnic diff says where' : ''}\n`;
}
