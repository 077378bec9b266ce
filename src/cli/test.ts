/** `jitnic test`: test files, `*.xdp.yaml`, on all engines. */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { type CaseResult, engineNames, type FileError, junitText, tapText } from '../cases/index.js';
import type { Coverage } from '../explore/index.js';
import { formatNumber, nearest, wholeNumber } from '../text/index.js';
import { collect } from './collect.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { type CoverageFlags, coverageNames, declareCoverage, wantsCoverage } from './coverage-flags.js';
import { CoverageLog, coverageJsonOf, coverageText } from './coverage-output.js';
import { describeError, errorText } from './error-report.js';
import { writeOutput } from './files.js';
import { declareReading, type ReadingFlags } from './program-file.js';
import { defaultInitBudget, initTests } from './test-init.js';
import { runTestsInProcesses } from './test-jobs.js';
import { caseText, summaryText, testJson } from './test-report.js';
import { findTestFiles, isUsers, runTestFile, type SuiteOptions } from './test-suites.js';
import { watchFiles } from './test-watch.js';

interface Options extends ReadingFlags, CoverageFlags {
  readonly init?: string;
  readonly budget?: string;
  readonly mapsIn?: string;
  readonly set?: readonly string[];
  readonly mapEntries?: readonly string[];
  readonly filter?: string;
  readonly engine?: readonly string[];
  readonly jobs?: string;
  readonly watch?: true;
  readonly tap?: true;
  readonly junit?: string;
}

/** Exit 1 if any case fails. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    declareCoverage(command);
    command
      .argument('[path...]', 'test files, or folders with *.xdp.yaml in them (default: this folder)')
      .optionsGroup('Which tests, and where:')
      .option('--filter <pattern>', 'tests whose names fit a regular expression')
      .option('--engine <name>', `one of ${engineNames.join(', ')}; may be given several times (default: all)`, collect)
      .option('--jobs <n>', 'processes, each with its share of the files (default 1)')
      .option('--watch', 'run again when a file changes, until Ctrl-C')
      .option('--init <prog>', 'write a first test file beside a program: a case for each path that is found')
      .option(
        '--budget <n>',
        `with --init: starts to try (default ${formatNumber(defaultInitBudget)}, or some seconds)`,
      )
      .option('--maps-in <file>', 'with --init: contents of maps that the cases begin with')
      .option('--map-entries <map=n>', 'with --init: the size of a map, where the object leaves it open', collect)
      .option('--set <name=value>', 'with --init: a global variable', collect)
      .optionsGroup('Results:')
      .option('--tap', 'print TAP version 14')
      .option('--junit <file>', 'write JUnit XML, as CI systems read it; - is stdout')
      .optionsGroup('Options:')
      .addHelpText(
        'after',
        `
Examples:
  jitnic test                                all tests below this folder
  jitnic test firewall.xdp.yaml --filter dns tests of a file, by name
  jitnic test --engine kernel                on the running kernel (needs root)
  jitnic test --init prog.o                  writes prog.xdp.yaml
  jitnic test --coverage --coverage-html c.html
  jitnic test --watch                        again when something changes
  jitnic test --junit results.xml --tap      for CI

A test file:
  object: firewall.o
  tests:
    - name: drops DNS from outside
      packet: eth/ip(src=198.51.100.7)/udp(dport=53)/"query"
      expect: DROP

docs/testing.md has all that it may say. Exit code 1: a test failed.`,
      );
  },
  run: async (paths, options, io) => {
    if (options.tap === true && io.flags.json) throw new UsageError('`--tap` and `--json` exclude each other');
    if (options.junit === '-' && (options.tap === true || io.flags.json))
      throw new UsageError('two things want stdout');
    refuseIdle(options);
    if (options.init !== undefined) return initTests(options.init, pathsGiven(paths), options, io);
    const jobs = wholeNumber('--jobs', options.jobs, 1) ?? 1;
    if (options.watch === true && (io.flags.json || options.tap === true || options.junit !== undefined))
      throw new UsageError('`--watch` prints text, again and again', {}, 'leave out `--json`, `--tap` and `--junit`');
    const given = pathsGiven(paths);
    const where = given.length === 0 ? ['.'] : given;
    const log = coverageOf(options, jobs, io);
    const suite = suiteOptions(options, log?.coverage);
    if (options.watch !== true) return runOnce(findTestFiles(where), suite, jobs, options, io, log);
    return watchFiles(
      io,
      () => findTestFiles(where),
      async (files, look) => void (await runOnce(files, { ...suite, look }, 1, options, io)),
    );
  },
});

/** A flag that would have no effect is a mistake: those about writing a file, and those about running some. */
function refuseIdle(options: Options): void {
  const given = (names: readonly (keyof Options)[]): string | undefined => {
    const found = names.find((name) => options[name] !== undefined);
    return found === undefined ? undefined : `--${found.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  };
  if (options.init === undefined) {
    const flag = given(['budget', 'mapsIn', 'mapEntries', 'set']);
    if (flag !== undefined)
      throw new UsageError(
        `\`${flag}\` goes with \`--init\``,
        {},
        'a test file has fields for what its tests begin with',
      );
    return;
  }
  const flag = given(['filter', 'engine', 'jobs', 'watch', 'tap', 'junit', ...coverageNames]);
  if (flag !== undefined) throw new UsageError(`\`--init\` runs no tests: \`${flag}\` has no effect`);
}

function pathsGiven(paths: readonly (string | undefined)[]): string[] {
  return paths.filter((path) => path !== undefined);
}

function coverageOf(options: Options, jobs: number, io: Io): CoverageLog | undefined {
  if (!wantsCoverage(options)) return undefined;
  if (jobs > 1 || options.watch === true) throw new UsageError('coverage goes with neither `--jobs` nor `--watch`');
  if (options.engine !== undefined && !options.engine.some((name) => name === 'interp' || name === 'wasm'))
    throw new UsageError('coverage is what interpreter or compiled code count', {}, 'add `--engine wasm`');
  return new CoverageLog(options, io);
}

function suiteOptions(options: Options, coverage?: Coverage): SuiteOptions {
  for (const name of options.engine ?? []) {
    if (engineNames.includes(name)) continue;
    const near = nearest(name, engineNames);
    throw new UsageError(
      `no engine \`${name}\``,
      {},
      near === undefined ? `engines: ${engineNames.join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  return {
    engines: options.engine,
    filter: patternOf(options.filter),
    reading: options,
    coverage,
  };
}

function patternOf(text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return new RegExp(text, 'i');
  } catch (error) {
    throw new UsageError(`\`--filter ${text}\`: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** All files once. Files that are wrong are said, and the others run all the same; exit 3 in the end. */
async function runOnce(
  files: readonly string[],
  suite: SuiteOptions,
  jobs: number,
  options: Options,
  io: Io,
  log?: CoverageLog,
): Promise<ExitCode> {
  const asText = !io.flags.json && options.tap !== true && options.junit !== '-';
  const results: CaseResult[] = [];
  const errors: FileError[] = [];
  let worst: ExitCode = exitCodes.ok;
  if (jobs > 1 && files.length > 1) {
    const done = await runTestsInProcesses(files, jobs, options, io);
    results.push(...done.results);
    errors.push(...done.errors);
    worst = done.exitCode;
    if (asText)
      for (const file of files)
        io.out(
          fileText(
            file,
            results.filter((one) => one.file === file),
            io,
          ),
        );
  } else {
    for (const file of files) {
      if (asText) io.out(`${io.style.bold(file)}\n`);
      try {
        results.push(
          ...(await runTestFile(file, suite, io, (result) => {
            if (asText) io.out(caseText(result, io));
          })),
        );
      } catch (error) {
        // One file that is wrong does not keep the others from running; alone it is the command's own error.
        const isTold = options.watch === true || options.tap === true || options.junit !== undefined;
        if (!isUsers(error) || (files.length === 1 && !isTold)) throw error;
        worst = error.exitCode;
        errors.push({ file, message: error.format() });
        io.err(errorText(describeError(error)));
      }
    }
  }
  const covered = await log?.finish(files.length === 1 ? (files[0] ?? '') : `${files.length} test files`);
  if (io.flags.json)
    io.json('jitnic.test/1', {
      ...testJson(results, errors),
      ...(covered === undefined ? {} : { coverage: coverageJsonOf(covered) }),
    });
  else if (options.tap === true) io.out(tapText(results, errors));
  else if (asText)
    io.out(summaryText(results, files.length, io) + (covered === undefined ? '' : coverageText(covered, io)));
  if (options.junit !== undefined) await writeOutput(options.junit, junitText(results, errors), io);
  if (results.length === 0 && worst === exitCodes.ok && options.filter !== undefined)
    throw new UsageError(`\`--filter ${options.filter}\`: no test is called so`);
  const failed = results.some(({ status }) => status === 'failed');
  return worst === exitCodes.ok && failed ? exitCodes.negative : worst;
}

function fileText(file: string, results: readonly CaseResult[], io: Io): string {
  return `${io.style.bold(file)}\n${results.map((result) => caseText(result, io)).join('')}`;
}
