/** Compares what became of packets, and what is in maps, with what is expected. */
import type { ObjectSpec } from '../object/index.js';
import { fieldOf, packetDifferences, sameFieldValue } from '../packet/index.js';
import { verdictName, verdictNames } from '../platform/index.js';
import { count } from '../text/index.js';
import {
  findGlobal,
  findMap,
  formatGlobal,
  formatOutput,
  type MapHolder,
  type Output,
  type OutputTypes,
  type RedirectTarget,
  writeGlobal,
} from '../vm/index.js';
import type { CaseEngine, CaseOutcome, CaseRunner } from './engine.js';
import { isFields, judgeFields, judgeMap, sameBytes, valueText } from './judge-map.js';
import { type Finding, finding } from './result.js';
import { type NodeReader, plainOf } from './source-node.js';
import type { Expectation } from './suite.js';

/** What is needed to look at a machine's or a kernel's state. */
export interface Subject {
  readonly object: ObjectSpec;
  readonly runner: CaseRunner;
  readonly engine: CaseEngine;
  /** Says what map files' values are in bytes. */
  readonly holder: MapHolder;
  readonly types: OutputTypes;
  readonly reader: NodeReader;
}

/** What is expected of one packet. `input`: as it came. */
export function judgePacket(subject: Subject, expect: Expectation, input: Uint8Array, outcome: CaseOutcome): Finding[] {
  const found: Finding[] = [];
  const { verdict, packet, redirect, instructions } = expect;
  const name = verdictName(outcome.verdict);
  if (verdict !== undefined && !verdict.names.includes(name)) {
    const expected = verdict.names.join(' or ');
    found.push(
      finding('verdict', `verdict is ${name}, not ${expected}`, { expected, actual: name, line: verdict.line }),
    );
  }
  if (packet !== undefined) {
    const wanted = packet.data === 'same' ? input : packet.data;
    const fields = packetDifferences(wanted, outcome.bytes);
    if (fields.length > 0)
      found.push(
        finding('packet', `the packet leaves otherwise: ${count(fields.length, 'field')}`, {
          fields,
          line: packet.line,
        }),
      );
  }
  for (const { name: field, value, line } of expect.fields) {
    if (subject.reader.within(line, () => sameFieldValue(outcome.bytes, field, value))) continue;
    const actual = fieldOf(outcome.bytes, field);
    const what = actual === undefined ? `the packet has no \`${field}\`` : `\`${field}\` is ${actual}, not ${value}`;
    found.push(finding('field', what, { expected: value, actual, line }));
  }
  const named = redirect?.fields.get('map');
  if (named !== undefined) subject.reader.within(named.line, () => findMap(subject.holder, String(plainOf(named))));
  if (redirect !== undefined && outcome.redirect !== 'unseen') {
    const target = redirectParts(outcome.redirect);
    for (const [part, node] of redirect.fields) {
      const wanted = String(plainOf(node));
      const actual = target[part];
      if (actual === wanted) continue;
      const what =
        actual === undefined
          ? `it is ${redirectSaid(name, outcome.redirect)}, not redirected by \`${part}\` ${wanted}`
          : `redirect: \`${part}\` is ${actual}, not ${wanted}`;
      found.push(finding('redirect', what, { expected: wanted, actual, line: node.line || redirect.line }));
    }
  }
  if (instructions !== undefined && outcome.steps !== undefined && outcome.steps > instructions.most)
    found.push(
      finding('instructions', `it takes ${count(outcome.steps, 'instruction')}, more than ${instructions.most}`, {
        expected: `at most ${instructions.most}`,
        actual: String(outcome.steps),
        line: instructions.line,
      }),
    );
  if (outcome.trap !== undefined) found.push(finding('fault', `it is stopped: ${outcome.trap}`));
  return found;
}

function redirectSaid(verdict: string, target: RedirectTarget | undefined): string {
  return target === undefined ? verdict : `redirected to ${redirectText(target)}`;
}

function redirectParts(target: RedirectTarget | undefined): Readonly<Record<string, string>> {
  switch (target?.kind) {
    case 'interface':
      return { ifindex: String(target.ifindex) };
    case 'devmap':
      return { map: target.map, key: String(target.key), ifindex: target.ifindexes.join(',') };
    case 'cpumap':
      return { map: target.map, key: String(target.key), cpu: String(target.cpu) };
    case 'xskmap':
      return { map: target.map, key: String(target.key), socket: String(target.socket) };
    default:
      return {};
  }
}

/** Where a packet goes, in words. */
export function redirectText(target: RedirectTarget | undefined): string {
  const parts = Object.entries(redirectParts(target)).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? 'nowhere' : parts.join(', ');
}

/** What is expected of maps, variables, lines and records; `outputs` since whenever the expectation speaks of. */
export function judgeState(subject: Subject, expect: Expectation, outputs: readonly Output[]): Finding[] {
  return [
    ...expect.maps.flatMap((map) => judgeMap(subject, map)),
    ...expect.globals.flatMap((one) => judgeGlobal(subject, one)),
    ...judgePrinted(subject, expect, outputs),
    ...expect.records.flatMap((one) => judgeRecords(subject, one, outputs)),
  ];
}

function judgeGlobal(
  { object, runner, reader }: Subject,
  { line, name, value }: Expectation['globals'][number],
): Finding[] {
  return reader.within(line, () => {
    const place = findGlobal(object, name);
    const section = runner.lookup(place.variable.map, new Uint8Array(4)) ?? new Uint8Array(0);
    const wanted = section.slice();
    writeGlobal(object, place, wanted, value);
    if (sameBytes(wanted, section)) return [];
    const expected = valueText(formatGlobal(object, place, wanted));
    const actual = valueText(formatGlobal(object, place, section));
    return [finding('global', `\`${name}\` is ${actual}, not ${expected}`, { expected, actual, line })];
  });
}

/** Lines of trace_printk, in order. */
function judgePrinted(
  { engine, object, types }: Subject,
  { printed }: Expectation,
  outputs: readonly Output[],
): Finding[] {
  if (printed === undefined || !engine.sees.includes('printk')) return [];
  const lines = outputs.filter(({ kind }) => kind === 'printk').map((one) => formatOutput(object, one, types).text);
  const fits = (text: string | RegExp | undefined, line: string | undefined): boolean => {
    if (text === undefined || line === undefined) return false;
    return typeof text === 'string' ? text === line : text.test(line);
  };
  for (let i = 0; i < Math.max(lines.length, printed.texts.length); i++) {
    if (fits(printed.texts[i], lines[i])) continue;
    const [expected, actual] = [String(printed.texts[i] ?? 'nothing'), lines[i] ?? 'nothing'];
    return [
      finding('printed', `line ${i + 1} is \`${actual}\`, not \`${expected}\``, {
        expected,
        actual,
        line: printed.line,
      }),
    ];
  }
  return [];
}

/** As long as any type that records have. */
const noRecord = new Uint8Array(4096);

/** Records of one ring buffer or perf map, by the type that the case names. */
function judgeRecords(subject: Subject, expect: Expectation['records'][number], outputs: readonly Output[]): Finding[] {
  const { engine, holder, object, types, reader } = subject;
  const { map: name, values, line } = expect;
  const map = reader.within(line, () => findMap(holder, name));
  const { type } = map.spec;
  if (type !== 'ringbuf' && type !== 'perf_event_array')
    reader.fail(line, `\`${name}\` is a ${type}: there are no records in it`, 'say what it holds in `maps`');
  const kind = type === 'ringbuf' ? 'ringbuf' : 'perf';
  if (!engine.sees.includes(kind)) return [];
  const own = outputs.filter((one) => one.kind === kind && one.map === name);
  if (own.length !== values.length) {
    // A member that no record can have is a mistake, however many there are.
    const { value: zeros, typeId = 0 } = formatOutput(
      object,
      { kind: 'perf', map: name, index: 0, data: noRecord },
      types,
    );
    const whole = { btf: object.btf, type: typeId, bytes: noRecord };
    for (const wanted of values)
      if (isFields(wanted) && isFields(zeros)) reader.within(line, () => judgeFields(name, wanted, zeros, line, whole));
    const [expected, actual] = [String(values.length), String(own.length)];
    return [
      finding('record', `\`${name}\` has ${count(own.length, 'record')}, not ${expected}`, { expected, actual, line }),
    ];
  }
  return own.flatMap((output, i) => {
    const wanted = values[i];
    const { value, typeId = 0 } = formatOutput(object, output, types);
    const label = `${name}[${i}]`;
    const data = output.kind === 'printk' ? new Uint8Array(0) : output.data;
    if (isFields(wanted)) {
      if (!isFields(value))
        return reader.fail(
          line,
          `the type of \`${name}\`'s records is not known`,
          'say it in `record-types`, or give hex',
        );
      return reader
        .within(line, () => judgeFields(label, wanted, value, line, { btf: object.btf, type: typeId, bytes: data }))
        .map((one) => ({ ...one, kind: 'record' as const }));
    }
    const hex = Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const expected = String(wanted).replace(/[\s:]/g, '').replace(/^0x/, '').toLowerCase();
    return hex === expected
      ? []
      : [finding('record', `\`${label}\` is ${hex}, not ${expected}`, { expected, actual: hex, line })];
  });
}

/** How many packets had which verdict. */
export function judgeCounts(reader: NodeReader, expect: Expectation, verdicts: readonly number[]): Finding[] {
  if (expect.verdicts === undefined) return [];
  const { counts, line } = expect.verdicts;
  const all = Object.values(counts).reduce((sum, one) => sum + one, 0);
  if (all > verdicts.length)
    reader.fail(line, `\`verdicts\` counts ${count(all, 'packet')}, and the test has ${verdicts.length}`);
  const had = new Map<string, number>();
  for (const verdict of verdicts) had.set(verdictName(verdict), (had.get(verdictName(verdict)) ?? 0) + 1);
  return verdictNames.flatMap((name): Finding[] => {
    const wanted = counts[name];
    const actual = had.get(name) ?? 0;
    if (wanted === undefined || wanted === actual) return [];
    return [
      finding('verdict', `${count(actual, 'packet')} ${name}, not ${wanted}`, {
        expected: String(wanted),
        actual: String(actual),
        line,
      }),
    ];
  });
}
