/** Lines of stdin: as they come through a pipe, or as somebody writes them at a terminal. */
import { createRequire } from 'node:module';

/** A person's terminal. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Where lines come from. */
interface LineSource {
  stdin(): AsyncIterable<Uint8Array>;
  readonly terminal?: Terminal | undefined;
}

/** Without their ends; see `Io.lines`. Ctrl-C at a terminal gives up the line that is being written. */
export async function* linesOf(
  source: LineSource,
  prompt: string,
  complete: (line: string) => readonly string[],
): AsyncIterable<string> {
  const { terminal } = source;
  if (terminal === undefined) {
    yield* pipedLines(source.stdin());
    return;
  }
  // Not imported above, since few runs need it, and not by `import()`, which joined files do not have (bundle.ts).
  const { createInterface } = createRequire(import.meta.url)('node:readline') as typeof import('node:readline');
  const reader = createInterface({
    ...terminal,
    prompt,
    completer: (line: string) => [complete(line).slice(), line],
    historySize: 1000,
    removeHistoryDuplicates: true,
  });
  reader.on('SIGINT', () => {
    // As shells do: away with the line.
    reader.write(null, { ctrl: true, name: 'e' });
    reader.write(null, { ctrl: true, name: 'u' });
  });
  reader.prompt();
  try {
    for await (const line of reader) {
      yield line;
      reader.prompt();
    }
  } finally {
    reader.close();
    // A terminal that is still read keeps the process.
    terminal.input.pause();
  }
}

async function* pipedLines(pieces: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
