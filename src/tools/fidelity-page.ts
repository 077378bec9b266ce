/** `docs/fidelity.md`: the figures of a run as tables, and what no run can show. */
import { formatNumber } from '../text/index.js';

/** One tool's run, with what it was run on. */
export interface Part {
  readonly name: string;
  readonly kind: 'conformance' | 'differential' | 'fuzz' | 'faults' | 'loading';
  readonly subject: string;
  readonly engine: string;
  /** What the tool wrote with `--summary`. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** Present: it did not pass. */
  readonly failure?: string;
}

/** What the page is made of. */
export interface FidelityResults {
  readonly quick: boolean;
  readonly kernel: string;
  readonly node: string;
  readonly parts: readonly Part[];
}

// The parts of the page are in the order in which a doubter asks: what was compared, what differs, what can't be
// equal.
const intro = (results: FidelityResults): string => `# Fidelity

What was compared with Linux, how much of it, and what differs. Written by \`npm run fidelity\`${results.quick ? ' (--quick)' : ''} on Linux ${results.kernel},
Node ${results.node}; do not edit it.

The specification is the reference interpreter, the judge is the running kernel: programs are loaded through bpf(2) and run with
BPF_PROG_TEST_RUN, and verdict, packet bytes, metadata, ring buffer records and the contents of maps have to be the same after each packet.
`;

// No run finds these out; each row says why the two cannot be equal and what the comparison does about it.
const limits = `
## What cannot be equal, and what is done about it

| what | why | in the comparison |
|---|---|---|
| Time (\`bpf_ktime_get_*\`, \`bpf_jiffies64\`) | the kernel's clock cannot be set | each call becomes a load from a hidden map that both sides fill with the same number before each packet; captures give their own times |
| Granularity of the coarse clock and of jiffies | CONFIG_HZ and the tick's phase | as above; a machine has \`hz\` (default 250) |
| Randomness (\`bpf_get_prandom_u32\`) | the kernel's generator cannot be seeded | as above |
| SYN cookie secrets | drawn at boot | not made equal: a program whose packets reach those helpers would differ |
| Time of connections | they end by the kernel's clock, which cannot be set | a program that asks for connections and for the time is "not comparable" where its outcome differs; answers of these kfuncs are compared in \`test/differential/kfuncs.test.ts\` |
| Pointers as data (stored, hashed, returned) | addresses differ by construction | generated programs do not; a real one that differs is run twice in machines that lie elsewhere (\`slide\`), and is "not comparable" when its outcome changes |
| Which CPU runs the program | the scheduler's choice | the kernel side is pinned to CPU 0; per-CPU values are compared for all CPUs |
| LRU eviction on several CPUs | lists and free elements are per CPU, and which CPU ran is not repeatable | compared on one CPU, where the order of eviction is the same |
| Order of iteration of hash maps | Linux seeds each map's hash at random, unless it has BPF_F_ZERO_SEED | contents are compared sorted; with BPF_F_ZERO_SEED the order is the same |
| False positives of bloom filters | the same seed | generated programs use BPF_F_ZERO_SEED |
| Bytes of a ring buffer record, of a freed map element or of the stack that the program never wrote | what was there before | generated programs write before they read |
| Perf events | somebody has to listen | nobody does in the comparison, so \`bpf_perf_event_output\` gives ENOENT on both sides; with \`jitnic run\` somebody does |
| Target of a redirect | BPF_PROG_TEST_RUN does not carry it out and does not tell | the verdict and the helper's return value are compared |
| \`xdp/cpumap\` and \`xdp/devmap\` programs | the kernel cannot test-run them | their instructions are run as those of a plain \`xdp\` program; those that read \`egress_ifindex\` are refused as such |
| Inner maps and program arrays that only a loader fills | no object file says with what | two new inner maps, and the object's own programs in order, on both sides |
| Packets below 14 bytes, or above 3,520 without fragments | BPF_PROG_TEST_RUN refuses them | left out |
| Fetching atomics on the stack | a mistake in the verifier of Linux 6.18 that we found: it takes the fetched number for a known one without holding on to the stack slot that it came from, and removes the other side of a branch on it, so what the kernel then runs is not the program (\`test/differential/atomic-fetch-stack.s\`: 15 slots, with its log) | generated programs fetch from map values only; conformance vectors and test_bpf cases do fetch from the stack |
| Sockets, routes and neighbours | the host's own | unit tests against answers measured on Linux; jitnic takes them from files |
`;

/** The page as Markdown. */
export function fidelityPage(results: FidelityResults): string {
  const sections = [
    intro(results),
    conformance(results),
    differential(results),
    fuzz(results),
    loading(results),
    remaining(results),
    limits,
  ];
  return sections.filter((section) => section !== '').join('\n');
}

/** A Markdown table; numbers are grouped by thousands. */
function table(titles: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : String(cell))));
  return [titles, titles.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

// Parts keep the order of the plan, so that tables of two runs can be compared.
const ofKind = (results: FidelityResults, kind: Part['kind']): readonly Part[] =>
  results.parts.filter((part) => part.kind === kind);

// A part that was not run has no figures; its last column then says so.
const figure = (part: Part, name: string): number => Number(part.figures[name] ?? 0);

/** bpf_conformance vectors and test_bpf cases, a row for each suite and engine. */
function conformance(results: FidelityResults): string {
  const rows = ofKind(results, 'conformance').map((part) => [
    part.subject,
    part.engine,
    figure(part, 'passed'),
    figure(part, 'failed'),
    figure(part, 'notOurs'),
    figure(part, 'skipped'),
    state(part),
  ]);
  const titles = ['suite', 'engine', 'passed', 'failed', 'not taken', 'left out for length', 'run'];
  return `## Public test suites, by engine

bpf_conformance vectors compare all of r0; the cases of the kernel's lib/test_bpf.c its low 32 bits. What the kernel's verifier refuses
(immediate shifts past the width, reads of what was never written, unreachable code) is "not taken" there and has to pass elsewhere; what a
compiler cannot take is "not taken" there and left to the interpreter in use.

${table(titles, rows)}
`;
}

/** Real programs: how many are equal, and where the others went, by the statuses of `npm run differential`. */
function differential(results: FidelityResults): string {
  const columns = [
    ['equal', 'equal'],
    ['differ', 'differs'],
    ['not supported', 'unsupported'],
    ['refused by Linux', 'refused'],
    ['not comparable', 'incomparable'],
    ['not readable', 'unreadable'],
    ['not XDP', 'not XDP'],
  ] as const;
  const rows = ofKind(results, 'differential').map((part) => {
    const statuses = (part.figures['statuses'] ?? {}) as Readonly<Record<string, number>>;
    const counts = columns.map(([, status]) => statuses[status] ?? 0);
    return [part.subject, part.engine, ...counts, figure(part, 'notCompiled'), figure(part, 'packets'), state(part)];
  });
  const titles = ['objects', 'engine', ...columns.map(([title]) => title), 'not compiled', 'packets', 'run'];
  return `## Real programs, kernel and engine side by side

Every program of every object; maps filled from a seed and from \`NAME.maps.json\`. What a compiler leaves to the interpreter is "not
compiled", and among the equal ones.

${table(titles, rows)}
`;
}

/** Generated programs, and under them the planted mistakes, which show that such a run would find something. */
function fuzz(results: FidelityResults): string {
  const rows = ofKind(results, 'fuzz').map((part) => [
    part.engine,
    figure(part, 'seed'),
    figure(part, 'generated'),
    figure(part, 'accepted'),
    `${((100 * figure(part, 'accepted')) / Math.max(1, figure(part, 'generated'))).toFixed(1)} %`,
    figure(part, 'insns'),
    figure(part, 'packets'),
    figure(part, 'notCompiled'),
    figure(part, 'differences'),
    state(part),
  ]);
  const faults = ofKind(results, 'faults').map((part) => [
    part.engine,
    figure(part, 'faults'),
    figure(part, 'found'),
    part.figures['longest'] === undefined ? '-' : figure(part, 'longest'),
    state(part),
  ]);
  const titles = [
    'engine',
    'first seed',
    'programs',
    'accepted by Linux',
    'share',
    'instructions',
    'packets',
    'not compiled',
    'differences',
    'run',
  ];
  return `## Generated programs

Each with its own packets and map contents; a program and its packets are made from its seed alone.

${table(titles, rows)}

The harness itself: engines with one mistake each (an instruction read as another; in the compiler also a WebAssembly instruction written in the place
of another), each of which has to be found. The longest failing case was shrunk to so many slots.

${table(['engine', 'planted', 'found', 'longest shrunk case', 'run'], faults)}
`;
}

/** Object files through our loader and through libbpf. */
function loading(results: FidelityResults): string {
  const rows = ofKind(results, 'loading').map((part) => [
    part.subject,
    ...['objects', 'accepted', 'onlyOurs', 'neither', 'failed', 'programs', 'packets'].map((name) =>
      figure(part, name),
    ),
    state(part),
  ]);
  const titles = [
    'objects',
    'number',
    'both bring in',
    'only ours',
    'neither',
    'failed',
    'programs run both ways',
    'packets compared',
    'run',
  ];
  return `## Object loading against libbpf

Where \`bpftool prog loadall\` gets an object into the kernel, ours has to, and the programs have to do the same. "Only ours" are objects with a
program of another type that needs more than the file; "neither" are those whose own loader has to set sizes or inner maps first.

${table(titles, rows)}
`;
}

/** Whether a part's figures can be believed: it may not have been run at all. */
function state(part: Part): string {
  if (part.failure === undefined) return 'clean';
  return Object.keys(part.figures).length === 0 ? 'NOT RUN' : 'FAILED';
}

/** Programs that differ, or that Linux runs and jitnic does not. */
function remaining(results: FidelityResults): string {
  const rows = ofKind(results, 'differential').flatMap((part) => {
    const list = part.figures['remaining'];
    if (!Array.isArray(list)) return [];
    return list.map((row: Readonly<Record<string, unknown>>) => [
      String(row['object']),
      String(row['program']),
      part.engine,
      String(row['status']),
      // A source line by its file's name: where the file lay when it was compiled concerns nobody.
      String(row['why'] ?? '')
        .split('\n')[0]
        ?.replace(/\/\S*\/(?=[^/\s]+:\d)/g, ''),
    ]);
  });
  if (rows.length === 0) return '## Differences that remain\n\nNone.\n';
  // The same program may differ over generated packets and over its own; once is enough.
  const unique = [...new Map(rows.map((row) => [row.join(), row])).values()];
  return `## Differences that remain\n\n${table(['object', 'program', 'engine', 'status', 'why'], unique)}\n`;
}
