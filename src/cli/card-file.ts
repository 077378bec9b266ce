/** `--card NAME|FILE.json`: a shipped card by name, or a description in a file. */
import { decodeUtf8, InputError, UsageError } from '../base/index.js';
import { type CardDescription, readCard, shippedCard, shippedCards } from '../nic/index.js';
import { nearest } from '../text/index.js';
import { parseJson } from '../vm/map-json.js';
import type { Io } from './command.js';
import { readInput } from './files.js';

/** How the flag is told, wherever it is taken. */
export const cardFlagHelp = 'a card: a shipped one by name (`jitnic card list`), or a description (.json)';

/** The card that `word` names. Throws UsageError for a name that is none, InputError for a file that is wrong. */
export async function openCard(word: string, io: Io): Promise<CardDescription> {
  const shipped = shippedCard(word);
  if (shipped !== undefined) return shipped;
  const names = shippedCards.map(({ name }) => name);
  if (!word.endsWith('.json') && !word.includes('/') && word !== '-') {
    const near = nearest(word, names);
    const hint = near === undefined ? `cards: ${names.join(', ')}; or a file, NAME.json` : `did you mean \`${near}\`?`;
    throw new UsageError(`no card \`${word}\``, {}, hint);
  }
  const file = word === '-' ? 'stdin' : word;
  const text = decodeUtf8(await readInput(word, io));
  try {
    return readCard(parseJson(text, file), shippedCard);
  } catch (error) {
    throw error instanceof InputError ? error.withFile(file) : error;
  }
}
