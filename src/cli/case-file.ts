/** Paths as a test file: a case for each, that expects what the program does today. */
import type { StartState } from '../explore/index.js';
import { packetLayers } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import type { MapHolder } from '../vm/index.js';
import type { KnownPath } from './path-finder.js';
import { entriesJson, hexText, mapNames } from './start-text.js';

/** What stands at the head of the file. */
export interface CaseFileHead {
  /** `object: prog.o` or `source: prog.bpf.c`. */
  readonly key: 'object' | 'source';
  readonly path: string;
  /** Where there are several programs. */
  readonly program: string | undefined;
  /** Where every path begins with the maps of that file. */
  readonly mapsIn: string | undefined;
  readonly set: readonly string[];
  /** `--map-entries`: MAP=NUMBER. */
  readonly mapEntries: readonly string[];
  /** How C is compiled: macros, and header folders as seen from the file. */
  readonly define: readonly string[];
  readonly include: readonly string[];
  /** CPUs and the seed of random numbers, where they are not the usual ones. */
  readonly cpus: string | undefined;
  readonly seed: string | undefined;
  /** The maps that entries of starts are in. */
  readonly holder: MapHolder;
  /** What else is to be said of the cases, as comments. */
  readonly notes?: readonly string[];
}

/** YAML. Names tell paths apart by what decided; a number follows where that is not enough. */
export function caseFileText(head: CaseFileHead, paths: readonly KnownPath[]): string {
  const lines = [
    '# Written by jitnic: a case for each path that was found, with what the program does today.',
    '# Look whether that is what it should do, give the cases names, and keep those that matter.',
    ...(head.notes ?? []).map((note) => `# ${note}`),
    `${head.key}: ${scalar(head.path)}`,
    ...(head.program === undefined ? [] : [`program: ${scalar(head.program)}`]),
    ...(head.mapsIn === undefined ? [] : [`maps-in: ${scalar(head.mapsIn)}`]),
    ...(head.define.length === 0 ? [] : [`define: ${JSON.stringify(head.define)}`]),
    ...(head.include.length === 0 ? [] : [`include: ${JSON.stringify(head.include)}`]),
    ...(head.cpus === undefined ? [] : [`cpus: ${head.cpus}`]),
    ...(head.seed === undefined ? [] : [`seed: ${head.seed}`]),
    ...assignments('map-entries', head.mapEntries),
    ...assignments('set', head.set),
    paths.length === 0 ? 'tests: []' : 'tests:',
  ];
  const names = new Set<string>();
  const nameOf = (text: string): string => {
    for (let count = 1; ; count++) {
      const name = count === 1 ? text : `${text} (${count})`;
      if (names.has(name)) continue;
      names.add(name);
      return name;
    }
  };
  for (const path of paths) {
    const verdict = verdictName(path.verdict);
    const name =
      `${verdict}${path.decided === undefined ? '' : ` by line ${path.decided.line}: ${path.decided.text}`}`.slice(
        0,
        72,
      );
    lines.push(
      `  - name: ${scalar(nameOf(name))}`,
      ...startLines(path.start, head.holder),
      `    packet: ${arrivalText(path.start)}`,
    );
    lines.push(`    expect: ${expectText(path)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** NAME=VALUE words as a field of that name. */
function assignments(field: string, words: readonly string[]): string[] {
  if (words.length === 0) return [];
  const of = (word: string): string => {
    const at = word.indexOf('=');
    return `  ${scalar(word.slice(0, at))}: ${word.slice(at + 1)}`;
  };
  return [`${field}:`, ...words.map(of)];
}

/** Text that YAML reads as that text. */
function scalar(text: string): string {
  return /^[A-Za-z_./][\w./ -]*$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text) && !/\s$/.test(text)
    ? text
    : JSON.stringify(text);
}

/** Clock, interface and elements, as far as they are not what every test begins with. */
function startLines({ now, ifindex, full, ...elements }: StartState, holder: MapHolder): string[] {
  const lines: string[] = [];
  if (now !== 0n) lines.push(`    clock: ${now}`);
  if (ifindex !== 1) lines.push(`    ifindex: ${ifindex}`);
  if (full.length > 0) lines.push(`    full: [${mapNames(holder, full).map(scalar).join(', ')}]`);
  const maps = Object.entries(entriesJson(holder, elements));
  if (maps.length > 0) lines.push('    maps:');
  for (const [name, list] of maps) {
    lines.push(`      ${scalar(name)}:`);
    // JSON is YAML, too.
    for (const entry of list) lines.push(`        - ${JSON.stringify(entry)}`);
  }
  return lines;
}

/** What lies before the packet stands beside it. */
function arrivalText({ packet, metadata }: StartState): string {
  if (metadata.length === 0) return packetText(packet);
  const layers = packetLayers(packet);
  const data = layers === undefined ? `hex: ${quoted(packet)}` : `packet: ${JSON.stringify(layers)}`;
  return `{ ${data}, metadata: ${quoted(metadata)} }`;
}

/** In quotation marks, as digits alone are a number to YAML. */
function quoted(bytes: Uint8Array): string {
  return JSON.stringify(hexText(bytes));
}

function packetText(packet: Uint8Array): string {
  const layers = packetLayers(packet);
  if (layers !== undefined) return /[:#"]/.test(layers) ? JSON.stringify(layers) : layers;
  return `{ hex: ${quoted(packet)} }`;
}

function expectText({ verdict, start: { packet }, bytes, redirect }: KnownPath): string {
  const name = verdictName(verdict);
  const isSame = packet.length === bytes.length && packet.every((byte, i) => byte === bytes[i]);
  const parts = [`verdict: ${name}`];
  if (isSame) parts.push('unchanged: true');
  else if (name !== 'DROP' && name !== 'ABORTED') {
    const layers = packetLayers(bytes);
    if (layers !== undefined) parts.push(`packet: ${JSON.stringify(layers)}`);
  }
  if (redirect?.kind === 'interface') parts.push(`redirect: ${redirect.ifindex}`);
  else if (redirect !== undefined) parts.push(`redirect: { map: ${scalar(redirect.map)}, key: ${redirect.key} }`);
  return parts.length === 1 ? name : `{ ${parts.join(', ')} }`;
}
