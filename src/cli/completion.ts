/**
 * `jitnic completion bash|zsh|fish`: a script that completes commands and their flags, made of the commands
 * themselves.
 */
import { Command } from 'commander';
import { exitCodes, UsageError } from '../base/index.js';
import { engineNames } from '../cases/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** A command with what it takes. */
interface Described {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
  /** Words that the first operand may be, where it is no file. */
  readonly words: readonly string[];
}

interface Flag {
  readonly names: readonly string[];
  readonly text: string;
  readonly takesValue: boolean;
  /** What the value may be, where that is known. */
  readonly values: readonly string[];
}

/** Flags whose values are words that their descriptions do not list as `one of`. */
const knownValues: Readonly<Record<string, readonly string[]>> = {
  '--engine': engineNames,
  '--color': ['auto', 'always', 'never'],
};

/** Operands that are one word of those that their description lists. */
const wordOperands: ReadonlySet<string> = new Set(['operation', 'shell']);

/** The single words of a list as people write one: `list, show (a card) or check; of variables: get, set`. */
function wordsIn(description: string): string[] {
  const parts = description.replace(/\([^)]*\)/g, '').split(/[,;:]|\bor\b/);
  return parts.map((part) => part.trim()).filter((part) => /^[a-z-]+$/.test(part));
}

function valuesOf(flag: string, description: string): readonly string[] {
  const listed = /\bone of ([\w-]+(?:, [\w-]+)+)/.exec(description)?.[1];
  return knownValues[flag] ?? listed?.split(', ') ?? [];
}

/** Flags that the frame gives to every command. */
export const commonFlags = [
  ['--json', 'print JSON'],
  ['--pretty', 'print indented JSON'],
  ['--quiet', 'no warnings, hints or progress'],
  ['--verbose', 'say more; repeatable'],
  ['--color', 'auto, always or never'],
  ['--no-progress', 'no progress line'],
  ['--help', 'display help'],
] as const;

/** What is asked of a row of the table of commands. */
interface Row {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

/** The command for these rows: the table, which names this module, hands itself over. */
export function completionCommand(rows: readonly Row[]): CliCommand {
  return defineCommand<object>({
    declare: (command) => {
      command.argument('<shell>', shells.join(', ')).addHelpText(
        'after',
        `
Examples:
  jitnic completion bash > ~/.local/share/bash-completion/completions/jitnic
  jitnic completion zsh > ~/.zfunc/_jitnic            with ~/.zfunc in fpath
  jitnic completion fish > ~/.config/fish/completions/jitnic.fish`,
      );
    },
    run: async ([shell = ''], _options, io) => {
      if (!shells.some((name) => name === shell)) {
        const near = nearest(shell, shells);
        throw new UsageError(
          `no shell \`${shell}\``,
          {},
          near === undefined ? `shells: ${shells.join(', ')}` : `did you mean \`${near}\`?`,
        );
      }
      if (io.flags.json) throw new UsageError('a script is no JSON', {}, 'leave out `--json`');
      io.out(script(shell as Shell, await describeCommands(rows)));
      return exitCodes.ok;
    },
  });
}

function describeCommands(rows: readonly Row[]): Promise<Described[]> {
  return Promise.all(
    rows.map(async ({ name, summary, load }) => {
      const declared = new Command(name);
      (await load()).command.declare(declared);
      const own = declared.options.map(({ short, long, description, required, optional }) => ({
        names: [short, long].filter((word) => word !== undefined),
        text: description,
        takesValue: required || optional,
        values: valuesOf(long ?? '', description),
      }));
      const all = commonFlags.map(([long, text]) => {
        const values = valuesOf(long, text);
        return { names: [long], text, takesValue: values.length > 0, values };
      });
      const [first] = declared.registeredArguments;
      return {
        name,
        summary,
        words: first !== undefined && wordOperands.has(first.name()) ? wordsIn(first.description) : [],
        flags: [...own, ...all.filter(({ names }) => !own.some((one) => one.names.includes(names[0] ?? '')))],
      };
    }),
  );
}

function script(shell: Shell, commands: readonly Described[]): string {
  if (shell === 'bash') return bashScript(commands);
  return shell === 'zsh' ? zshScript(commands) : fishScript(commands);
}

function bashScript(commands: readonly Described[]): string {
  const cases = commands.map(
    ({ name, flags, words }) =>
      `    ${name}) flags="${flags.flatMap(({ names }) => names).join(' ')}"${words.length > 0 ? ` words="${words.join(' ')}"` : ''} ;;`,
  );
  // Flags of one name may have other values in other commands.
  const values = commands.flatMap(({ name, flags }) =>
    flags.flatMap((flag) =>
      flag.values.length === 0
        ? []
        : `    ${flag.names.map((word) => `${name}:${word}`).join('|')}) COMPREPLY=($(compgen -W "${flag.values.join(' ')}" -- "$word")); return ;;`,
    ),
  );
  return `# bash completion of jitnic; made by: jitnic completion bash
_jitnic() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" flags="" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help --help --version" -- "$word"))
    return
  fi
  case "$command" in
    help) COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$word")); return ;;
${cases.join('\n')}
  esac
  case "$command:$before" in
${values.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 2 ] && [ -n "$words" ] && [ "\${word#-}" = "$word" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    return
  fi
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _jitnic jitnic
`;
}

/** Text within single quotes of a shell. */
function quoted(text: string): string {
  return text.replace(/'/g, "'\\''");
}

function zshScript(commands: readonly Described[]): string {
  const list = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`).join('\n');
  const text = (words: string): string => quoted(words).replace(/[[\]:]/g, '\\$&');
  const cases = commands.map(({ name, flags, words }) => {
    const lines = flags.flatMap(({ names, text: says, takesValue, values }) =>
      names.map((flag) => {
        const value = values.length > 0 ? `:value:(${values.join(' ')})` : takesValue ? ':value:_files' : '';
        return `      '*${flag}[${text(says)}]${value}' \\`;
      }),
    );
    if (words.length > 0) lines.push(`      '1:word:(${words.join(' ')})' \\`);
    return `    ${name})\n      _arguments \\\n${lines.join('\n')}\n      '*:file:_files' ;;`;
  });
  return `#compdef jitnic
# zsh completion of jitnic; made by: jitnic completion zsh
_jitnic() {
  local -a commands
  commands=(
${list}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
_jitnic "$@"
`;
}

function fishScript(commands: readonly Described[]): string {
  const lines = commands.flatMap(({ name, summary, flags, words }) => [
    `complete -c jitnic -n __fish_use_subcommand -a ${name} -d '${fish(summary)}'`,
    ...words.map(
      (word) =>
        `complete -c jitnic -f -n '__fish_seen_subcommand_from ${name}; and test (count (commandline -opc)) -eq 2' -a ${word}`,
    ),
    ...flags.map(({ names, text, takesValue, values }) => {
      const words = names.map((word) => (word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`));
      return `complete -c jitnic -n '__fish_seen_subcommand_from ${name}' ${words.join(' ')}${values.length > 0 ? ` -x -a '${values.join(' ')}'` : takesValue ? ' -r' : ''} -d '${fish(text)}'`;
    }),
  ]);
  return `# fish completion of jitnic; made by: jitnic completion fish\n${lines.join('\n')}\n`;
}

function fish(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/'/g, "\\'");
}
