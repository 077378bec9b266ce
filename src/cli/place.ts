/** `jitnic place`: where the pieces of an application run, over card, XDP, TC and user space. */
import { type ExitCode, exitCodes } from '../base/index.js';
import { type Problem, type Reason, type Solution, solvePlacement } from '../place/index.js';
import { formatNumber, formatTable, wholeNumber, wrapWords } from '../text/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { measureApplication, openApplication } from './place-measure.js';

interface Options {
  readonly explain?: true;
  readonly pieces?: string;
}

/** Pieces a program is cut into unless told otherwise: three programs are then few enough to try all placements. */
const defaultPieces = 4;

/** Exit 1 where no placement keeps all constraints. JSON: `jitnic.place/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('<app>', 'application file: programs, flow, shared maps, pins, objective, elements, traffic')
      .option('--explain', 'why each piece is where it is, and what the next best place costs')
      .option('--pieces <n>', `pieces that a program is cut into at most (default ${defaultPieces})`)
      .addHelpText(
        'after',
        `
Examples:
  jitnic place app.yaml               where everything goes, and what that costs
  jitnic place app.yaml --explain     and why
  jitnic place app.yaml --pieces 1    programs stay whole

docs/place.md says what stands in an application file. Costs are a model's.
Exit code 1: no placement keeps all constraints; those that exclude each other are named.`,
      );
  },
  run: async ([file = '-'], options, io) => {
    const most = wholeNumber('--pieces', options.pieces, 1) ?? defaultPieces;
    const application = await openApplication(file, io);
    const problem = await measureApplication(file, application, most, io);
    const solution = await io.work('placing', () => solvePlacement(problem));
    if (io.flags.json) io.json('jitnic.place/1', placeJson(application.name, problem, solution));
    else io.out(placeText(application.name, problem, solution, options.explain === true, io));
    return solution.kind === 'placed' ? exitCodes.ok : (exitCodes.negative as ExitCode);
  },
});

function placeJson(name: string, problem: Problem, solution: Solution): Record<string, unknown> {
  const head = { application: name, objective: problem.objective };
  if (solution.kind === 'unsatisfiable')
    return { ...head, placed: false, conflict: solution.constraints, proved: solution.isProved };
  const { placed, isOptimal, reasons } = solution;
  const { evaluation } = placed;
  const nameOf = (element: number): string => problem.elements[element]?.name ?? '';
  return {
    ...head,
    placed: true,
    optimal: isOptimal,
    throughput: evaluation.throughput,
    latency_ns: evaluation.latency,
    host_cores: evaluation.hostCores,
    energy_nj: evaluation.energy,
    bottleneck: nameOf(evaluation.bottleneck),
    elements: problem.elements.map((element, e) => ({
      name: element.name,
      kind: element.tier,
      cores: element.cores,
      ns: evaluation.load[e],
    })),
    pieces: reasons.map(({ piece, element, next, excluded }) => ({
      name: problem.pieces[piece]?.name,
      program: problem.pieces[piece]?.program,
      share: problem.pieces[piece]?.share,
      element: nameOf(element),
      next: next === undefined ? null : { element: nameOf(next.element), score: next.evaluation.score },
      excluded: excluded.map((each) => ({
        element: nameOf(each.element),
        constraint: each.violation.constraint,
        what: each.violation.what,
      })),
    })),
    maps: evaluation.sharing.map(({ state, kind, home, ns }) => ({
      name: problem.states[state]?.name,
      kept: kind,
      home: nameOf(home),
      ns,
    })),
    score: evaluation.score,
  };
}

function placeText(name: string, problem: Problem, solution: Solution, explain: boolean, io: Io): string {
  const { bold } = io.style;
  if (solution.kind === 'unsatisfiable') {
    const lines = solution.constraints.map((constraint) => `  ${constraint}\n`).join('');
    const sure = solution.isProved ? 'exclude each other' : 'were not kept together by any placement that was tried';
    return `${bold(name)}: no placement; these ${sure}:\n${lines}`;
  }
  const { placed, isOptimal, reasons } = solution;
  const { evaluation } = placed;
  const { elements, pieces } = problem;
  const how = isOptimal ? 'the best of all placements' : 'the best that a search found';
  const mega = (rate: number): string => (rate / 1e6).toFixed(2);
  let text = `${wrapWords(`${bold(name)}: ${how}; ${mega(evaluation.throughput)} Mpps by the model, ${elements[evaluation.bottleneck]?.name} is the busiest; ${Math.round(evaluation.latency)} ns a packet${evaluation.hostCores > 0 ? `, ${evaluation.hostCores.toFixed(2)} cores of the host` : ''}`, io.width, '  ').join('\n')}\n\n`;
  text += formatTable(
    [
      { title: 'piece' },
      { title: 'on' },
      { title: 'packets (%)', align: 'right' },
      { title: 'ns a run', align: 'right' },
    ],
    pieces.map((piece, i) => {
      const at = placed.placement[i] as number;
      const cost = piece.cost[at];
      return [
        piece.name,
        elements[at]?.name ?? '',
        (piece.share * 100).toFixed(1),
        typeof cost === 'number' ? cost.toFixed(1) : '-',
      ];
    }),
    '',
    io.width,
  );
  text += `\n${formatTable(
    [
      { title: 'element' },
      { title: 'kind' },
      { title: 'cores', align: 'right' },
      { title: 'busy (ns a packet)', align: 'right' },
    ],
    elements.map((element, e) => [
      element.name,
      element.tier,
      formatNumber(element.cores),
      (evaluation.load[e] ?? 0).toFixed(1),
    ]),
    '',
    io.width,
  )}`;
  const shared = evaluation.sharing.filter(({ kind }) => kind !== 'one');
  for (const { state, kind, home, ns } of shared)
    text += `map ${problem.states[state]?.name} ${kind === 'home' ? `lives with ${elements[home]?.name}` : `is copied, ${elements[home]?.name} writes`}: ${ns.toFixed(1)} ns a packet\n`;
  if (explain) text += `\n${reasons.map((reason) => reasonText(problem, evaluation.score, reason)).join('')}`;
  return text;
}

function reasonText({ pieces, elements }: Problem, score: number, { piece, element, next, excluded }: Reason): string {
  const nameOf = (e: number): string => elements[e]?.name ?? '';
  let text = `${pieces[piece]?.name} is on ${nameOf(element)}: `;
  if (next === undefined) text += 'it can be nowhere else alone\n';
  else {
    const more = (next.evaluation.score / score - 1) * 100;
    text += `on ${nameOf(next.element)}, the next best place for it alone, the objective is ${Math.abs(more) < 0.05 ? 'the same' : `${more.toFixed(1)} % worse`}\n`;
  }
  for (const { element: e, violation } of excluded) text += `  not on ${nameOf(e)}: ${violation.what}\n`;
  return text;
}
