/**
 * `jitnic man`: manual pages, made of the commands themselves. The build writes them to `dist/man`, compressed, and
 * package.json names each for npm.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { exitCodes, UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { commonFlags } from './completion.js';
import { writeOutput } from './files.js';

/** What is asked of a row of the table of commands. */
interface Row {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

interface Options {
  readonly output?: string;
}

/** The command for these rows: the table, which names this module, hands itself over. */
export function manCommand(rows: readonly Row[]): CliCommand {
  return defineCommand<Options>({
    declare: (command) => {
      command
        .argument('[command]', 'whose page; without it the page of jitnic')
        .option('-o, --output <folder>', 'write all pages there: jitnic.1, jitnic-run.1, ...')
        .addHelpText(
          'after',
          `
Examples:
  jitnic man run | man -l -        read the page of a command
  jitnic man -o ~/.local/share/man/man1`,
        );
    },
    run: async ([name], options, io) => {
      if (io.flags.json) throw new UsageError('a manual page is no JSON', {}, 'leave out `--json`');
      if (options.output !== undefined) {
        if (name !== undefined) throw new UsageError('`--output` writes all pages: leave out the command');
        mkdirSync(options.output, { recursive: true });
        await writeOutput(join(options.output, 'jitnic.1'), overview(rows), io);
        for (const row of rows) await writeOutput(join(options.output, `jitnic-${row.name}.1`), await page(row), io);
        return exitCodes.ok;
      }
      const row = rows.find((one) => one.name === name);
      if (name !== undefined && row === undefined) {
        const names = rows.map((one) => one.name);
        const near = nearest(name, names);
        const hint = near === undefined ? `commands: ${names.join(', ')}` : `did you mean \`${near}\`?`;
        throw new UsageError(`unknown command \`${name}\``, {}, hint);
      }
      io.out(row === undefined ? overview(rows) : await page(row));
      return exitCodes.ok;
    },
  });
}

/** Exit codes, as every command has them (base/errors.ts). */
const exits: readonly (readonly [number, string])[] = [
  [exitCodes.ok, 'done; accepted; equal'],
  [exitCodes.negative, 'a negative answer: rejected, differs, a test failed'],
  [exitCodes.usage, 'flags or arguments make no sense'],
  [exitCodes.input, 'a file or value is bad'],
  [exitCodes.unsupported, 'what is asked for is not supported'],
  [exitCodes.budget, 'a budget of steps, time or memory ran out'],
  [exitCodes.internal, 'a bug of jitnic'],
  [exitCodes.interrupted, 'interrupted; what there is so far is printed'],
];

/** Text of a line of troff: nothing in it is a request or an escape. */
function troff(text: string): string {
  const escaped = text.replace(/\\/g, '\\e').replace(/-/g, '\\-');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** A term and what is said of it. */
function item(term: string, text: string): string {
  return `.TP\n.B ${troff(term)}\n${troff(text)}`;
}

/** As it is, line by line. */
function block(text: string): string {
  return ['.nf', ...text.split('\n').map(troff), '.fi'].join('\n');
}

function head(name: string, summary: string): string {
  return `.\\" made by: jitnic man\n.TH ${troff(name.toUpperCase())} 1 "" jitnic\n.SH NAME\n${troff(name)} \\- ${troff(summary)}`;
}

/** The page of jitnic: its commands by group. */
function overview(rows: readonly Row[]): string {
  const groups = [...new Set(rows.map(({ group }) => group))].map((group) => {
    const own = rows.filter((row) => row.group === group);
    return [`.SS ${troff(group)}`, ...own.map(({ name, summary }) => item(`jitnic-${name}(1)`, summary))].join('\n');
  });
  const common = commonFlags.map(([flag, text]) => item(flag, text));
  return [
    head('jitnic', 'run, explain and offload XDP programs'),
    `.SH SYNOPSIS\n.B jitnic\n${troff('<command> [options]')}`,
    '.SH COMMANDS',
    ...groups,
    '.SH COMMON OPTIONS',
    ...common,
    '.SH EXIT STATUS',
    ...exits.map(([code, text]) => item(String(code), text)),
    '',
  ].join('\n');
}

async function page({ name, summary, load }: Row): Promise<string> {
  const declared = new Command(`jitnic ${name}`);
  (await load()).command.declare(declared);
  const operands = declared.registeredArguments.map((argument) => {
    const word = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return [argument.required ? `<${word}>` : `[${word}]`, argument.description] as const;
  });
  const groups = [...new Set(declared.options.map(({ helpGroupHeading }) => helpGroupHeading ?? 'Options:'))];
  const options = groups.map((group) => {
    const own = declared.options.filter(({ helpGroupHeading }) => (helpGroupHeading ?? 'Options:') === group);
    return [`.SS ${troff(group.replace(/:$/, ''))}`, ...own.map((one) => item(one.flags, one.description))].join('\n');
  });
  const more = helpBehind(declared);
  return [
    head(`jitnic-${name}`, summary),
    `.SH SYNOPSIS\n.B jitnic ${troff(name)}\n${troff(['[options]', ...operands.map(([word]) => word)].join(' '))}`,
    ...(operands.length === 0 ? [] : ['.SH ARGUMENTS', ...operands.map(([word, text]) => item(word, text))]),
    '.SH OPTIONS',
    ...options,
    ...(more === '' ? [] : ['.SH MORE', block(more)]),
    '.SH SEE ALSO\n.BR jitnic (1)\nhas the options common to all commands, and what exit statuses mean.',
    '',
  ].join('\n');
}

/** What help prints behind the options: examples. */
function helpBehind(command: Command): string {
  let whole = '';
  command.configureOutput({
    writeOut: (text) => {
      whole += text;
    },
  });
  command.outputHelp();
  return whole.slice(command.helpInformation().length).trim();
}
