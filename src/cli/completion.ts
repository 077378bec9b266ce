/**
 * `jitnic completion bash|zsh|fish`: a script that completes commands and their flags, made of the commands
 * themselves.
 */
import { Command } from 'commander';
import { exitCodes, UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** A command with what it takes. */
interface Described {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly names: readonly string[]; readonly text: string; readonly takesValue: boolean }[];
}

/** Flags that the frame gives to every command. */
export const commonFlags = [
  ['--json', 'print JSON'],
  ['--pretty', 'print indented JSON'],
  ['--quiet', 'no warnings, hints or progress'],
  ['--verbose', 'say more; repeatable'],
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
      }));
      const all = commonFlags.map(([long, text]) => ({ names: [long], text, takesValue: false }));
      return {
        name,
        summary,
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
    ({ name, flags }) => `    ${name}) flags="${flags.flatMap(({ names }) => names).join(' ')}" ;;`,
  );
  return `# bash completion of jitnic; made by: jitnic completion bash
_jitnic() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" flags=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help" -- "$word"))
    return
  fi
  case "$command" in
    help) COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$word")); return ;;
${cases.join('\n')}
  esac
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
  const cases = commands.map(({ name, flags }) => {
    const lines = flags.flatMap(({ names, text: says, takesValue }) =>
      names.map((flag) => `      '*${flag}[${text(says)}]${takesValue ? ':value:_files' : ''}' \\`),
    );
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
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c jitnic -n __fish_use_subcommand -a ${name} -d '${fish(summary)}'`,
    ...flags.map(({ names, text, takesValue }) => {
      const words = names.map((word) => (word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`));
      return `complete -c jitnic -n '__fish_seen_subcommand_from ${name}' ${words.join(' ')}${takesValue ? ' -r' : ''} -d '${fish(text)}'`;
    }),
  ]);
  return `# fish completion of jitnic; made by: jitnic completion fish\n${lines.join('\n')}\n`;
}

function fish(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/'/g, "\\'");
}
