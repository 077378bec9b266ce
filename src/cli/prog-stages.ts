/** `jitnic prog stages`: a chain of tail calls as an object for the card and one for the driver. */
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { type ObjectSpec, objectImage, pickProgram, writeElf } from '../object/index.js';
import {
  compareStages,
  cutStages,
  dispatcherName,
  type Stages,
  type StagesComparison,
  stagePart,
} from '../offload/index.js';
import { count, nearestHint } from '../text/index.js';
import type { Words } from './bpftool-words.js';
import { readPackets } from './capture-input.js';
import type { Io } from './command.js';
import { writeOutput } from './files.js';
import { openProgramFile } from './program-file.js';

/** What the words of the operation say. */
interface Asked {
  readonly file: string;
  readonly card: readonly string[];
  readonly slots: readonly { readonly array: string; readonly slot: number; readonly program: string }[];
  readonly output: readonly [card: string, driver: string] | undefined;
  readonly check: string | undefined;
}

function readWords(words: Words): Asked {
  const file = words.next('a file');
  const slots: { array: string; slot: number; program: string }[] = [];
  let card: string[] = [];
  let output: [string, string] | undefined;
  let check: string | undefined;
  while (!words.isDone) {
    if (words.take('card')) card = [...card, ...words.next('programs').split(',')];
    else if (words.take('slot'))
      slots.push({
        array: words.next('a program array'),
        slot: words.number('slot'),
        program: words.next('a program'),
      });
    else if (words.take('output')) output = [words.next("the card's file"), words.next("the driver's file")];
    else if (words.take('check')) check = words.next('a capture');
    else words.done();
  }
  if (card.length === 0)
    throw new UsageError(
      'which programs are on the card?',
      {},
      'card PROG[,PROG...], the one that comes first in front',
    );
  return { file, card, slots, output, check };
}

/** Exit 1 where `check` finds a packet that is decided otherwise. */
export async function stages(words: Words, io: Io): Promise<ExitCode> {
  const { file, card, slots, output, check } = readWords(words);
  const read = await openProgramFile(file, io);
  const object = withSlots(read, slots);
  const entry = pickProgram(object, card[0]).name;
  const cut = await io.work('cutting', () => cutStages(object, { entry, card: new Set(card) }));
  if (output !== undefined) {
    const [cardFile, driverFile] = output;
    const bytes = (side: 'card' | 'driver'): Uint8Array =>
      writeElf(objectImage(stagePart(cut, side), { core: 'applied' }));
    await writeOutput(cardFile, bytes('card'), io);
    await writeOutput(driverFile, bytes('driver'), io);
  }
  const compared = check === undefined ? undefined : await compare(object, cut, check, io);
  if (io.flags.json) io.json('jitnic.prog/1', { operation: 'stages', stages: stagesJson(object, cut, compared) });
  else io.out(stagesText(object, cut, compared));
  return compared?.difference === undefined ? exitCodes.ok : exitCodes.negative;
}

/** The object with more slots of its program arrays filled, as its loader would. */
function withSlots(object: ObjectSpec, slots: Asked['slots']): ObjectSpec {
  const maps = [...object.maps];
  for (const { array, slot, program } of slots) {
    const arrays = maps.filter(({ type }) => type === 'prog_array').map(({ name }) => name);
    const index = maps.findIndex(({ name }) => name === array);
    const spec = maps[index];
    if (spec === undefined || spec.type !== 'prog_array')
      throw new UsageError(
        `no program array \`${array}\``,
        { file: object.name },
        nearestHint(array, arrays, 'program arrays:'),
      );
    if (slot >= spec.maxEntries)
      throw new UsageError(
        `\`${array}\` has no slot ${slot}`,
        { file: object.name },
        `it has 0 to ${spec.maxEntries - 1}`,
      );
    const filled = spec.init?.kind === 'programs' ? spec.init.slots : new Map<number, string>();
    const { name } = pickProgram(object, program);
    maps[index] = { ...spec, init: { kind: 'programs', slots: new Map([...filled, [slot, name]]) } };
  }
  return { ...object, maps };
}

async function compare(object: ObjectSpec, cut: Stages, capture: string, io: Io): Promise<StagesComparison> {
  const packets = await readPackets(capture, io);
  return await io.work('comparing', () =>
    compareStages(
      object,
      cut,
      packets.map(({ data, time }) => ({ data, now: time })),
    ),
  );
}

function stagesJson({ maps }: ObjectSpec, cut: Stages, compared: StagesComparison | undefined): object {
  return {
    card: cut.card,
    driver: cut.driver,
    dispatcher: dispatcherName,
    crossings: cut.crossings.map(({ program, insn, array, slot }) => ({
      program,
      insn,
      array: maps[array]?.name ?? '',
      ...(slot === undefined ? {} : { slot }),
    })),
    ...(compared === undefined ? {} : { compared }),
  };
}

function stagesText({ maps }: ObjectSpec, cut: Stages, compared: StagesComparison | undefined): string {
  const { card, driver, crossings } = cut;
  const lines = [`on the card:   ${card.join(', ')}`, `in the driver: ${driver.join(', ') || 'nothing'}`];
  for (const { program, insn, array, slot } of crossings)
    lines.push(
      `  ${program} leaves at instruction ${insn}, by ${maps[array]?.name}[${slot ?? 'any slot of the driver'}]`,
    );
  if (compared !== undefined) {
    const { packets, crossed, difference } = compared;
    lines.push(
      difference ?? `${count(packets, 'packet')} decided alike, ${count(crossed, 'packet')} of them in the driver`,
    );
  }
  return `${lines.join('\n')}\n`;
}
