/** `jitnic card list|show|check|compile`: cards as data, and code for them. */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import {
  type CardDescription,
  memoriesOf,
  numberOf,
  type Parameter,
  parameterRow,
  shippedCards,
  wordOf,
} from '../nic/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { type CompileFlags, compileForCard, declareCompile } from './card-compile.js';
import { openCard } from './card-file.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { unknownOperation } from './operations.js';

const operations = ['list', 'show', 'check', 'compile'] as const;

/** Exit 1 where a program does not fit the card, 3 for a description that is wrong. JSON: `jitnic.card/1`. */
export const command: CliCommand = defineCommand<CompileFlags>({
  declare: (command) => {
    command
      .argument('<operation>', 'list, show, check (a card), or compile (a program)')
      .argument('[name]', 'a card by name or file; of compile the program: ELF object, .c, .s, or -')
      .argument('[program]', 'compile: program or section; may be left out where there is only one');
    declareCompile(command);
    command.addHelpText(
      'after',
      `
  jitnic card list
  jitnic card show hxdp
  jitnic card check mine.json
  jitnic card compile prog.o --card hxdp --lanes 4 --print`,
    );
  },
  run: async ([operation = '', name, program], options, io) => {
    if (operation !== 'compile') refuseFlags(operation, options, program);
    switch (operation) {
      case 'list':
        if (name !== undefined) throw new UsageError('`list` takes no name', {}, `jitnic card show ${name}`);
        return list(io);
      case 'show':
        return show(await openCard(required(name, operation), io), io);
      case 'check':
        return check(await openCard(required(name, operation), io), io);
      case 'compile':
        return compileForCard(required(name, operation), program, options, io);
      default:
        throw unknownOperation(operation, operations);
    }
  },
});

function required(name: string | undefined, operation: string): string {
  if (name !== undefined) return name;
  const what = operation === 'compile' ? 'compile which program?' : `${operation} which card?`;
  throw new UsageError(what, {}, `jitnic card ${operation} ${operation === 'compile' ? 'prog.o --card hxdp' : 'hxdp'}`);
}

/** Flags of `compile` say nothing elsewhere. */
function refuseFlags(operation: string, options: CompileFlags, program: string | undefined): void {
  if (!operations.some((known) => known === operation)) return;
  const { card, lanes, published, without, print, image } = options;
  const given = Object.entries({ card, lanes, published, without, print, image }).find(
    ([, value]) => value !== undefined,
  );
  if (given === undefined && program === undefined) return;
  const what = given === undefined ? `\`${program}\`` : `\`--${given[0]}\``;
  throw new UsageError(`\`card ${operation}\` does not take ${what}`, {}, 'see jitnic card --help');
}

/** What a card is made of, in a few figures. */
function summary(card: CardDescription): Readonly<Record<string, string | number>> {
  return {
    name: card.name,
    kind: card.kind,
    clock_mhz: numberOf(card, 'clock'),
    cores: numberOf(card, 'units.cores'),
    lanes: numberOf(card, 'units.lanes'),
    conditions: numberOf(card, 'front.entries'),
    title: card.title,
  };
}

function list(io: Io): ExitCode {
  if (io.flags.json) io.json('jitnic.card/1', { operation: 'list', cards: shippedCards.map(summary) });
  else {
    const titles = ['card', 'kind', 'clock (MHz)', 'cores', 'lanes', 'conditions', ''];
    const columns = titles.map((title) => ({ title }));
    io.out(
      formatTable(
        columns,
        shippedCards.map((card) => Object.values(summary(card))),
        '',
        io.width,
      ),
    );
  }
  return exitCodes.ok;
}

/** A value as text: numbers grouped, words with commas. */
function valueText({ value }: Parameter): string {
  if (typeof value === 'number') return formatNumber(value);
  return typeof value === 'string' ? value : value.join(' ');
}

/** All parameters; sources stand below by number, since they are long and few. */
function show(card: CardDescription, io: Io): ExitCode {
  const { name, kind, title, parameters } = card;
  if (io.flags.json) {
    const list = [...parameters].map(([path, parameter]) => ({ path, ...parameter, what: parameterRow(path)?.what }));
    io.json('jitnic.card/1', { operation: 'show', card: { name, kind, title, parameters: list } });
    return exitCodes.ok;
  }
  const sources = [...new Set([...parameters.values()].map(({ source }) => source))];
  const rows = [...parameters].map(([path, parameter]) => [
    path,
    valueText(parameter),
    parameter.unit,
    parameter.basis,
    `[${sources.indexOf(parameter.source) + 1}]`,
  ]);
  io.out(`${io.style.bold(name)}  ${kind}: ${title}\n\n`);
  io.out(
    formatTable(
      [
        { title: 'parameter' },
        { title: 'value', align: 'right' },
        { title: 'unit' },
        { title: 'known' },
        { title: 'from', align: 'right' },
      ],
      rows,
      '',
      io.width,
    ),
  );
  io.out(`\n${sources.map((source, i) => wrapped(`[${i + 1}]`.padEnd(5), source, 80)).join('')}`);
  return exitCodes.ok;
}

/** Words in lines of at most `width`, behind a head that is as wide in each. */
function wrapped(head: string, text: string, width: number): string {
  const lines: string[] = [];
  let line = head;
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width && line.trim() !== head.trim()) {
      lines.push(line.trimEnd());
      line = ' '.repeat(head.length);
    }
    line += `${word} `;
  }
  return `${[...lines, line.trimEnd()].join('\n')}\n`;
}

/** A description that is read is right: errors have been thrown. Says how much of it is known how. */
function check(card: CardDescription, io: Io): ExitCode {
  const by = (basis: string): number => [...card.parameters.values()].filter((each) => each.basis === basis).length;
  const counts = { measured: by('measured'), published: by('published'), assumed: by('assumed') };
  if (io.flags.json) {
    const memories = memoriesOf(card);
    io.json('jitnic.card/1', { operation: 'check', name: card.name, kind: card.kind, memories, ...counts });
  } else {
    const known = Object.entries(counts).map(([basis, n]) => `${n} ${basis}`);
    const match = wordOf(card, 'front.match');
    io.out(`${card.name}: a card of kind ${card.kind}, match ${match}; parameters: ${known.join(', ')}\n`);
  }
  return exitCodes.ok;
}
