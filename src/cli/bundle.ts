/**
 * Runs the joined files of the command line (`dist/bundle/NAME.br`, CommonJS, made by scripts/bundle.mjs) with the
 * code that V8 made of them the last time, which lies in the cache as `NAME.code`. A process that has just started
 * would spend a third of its time on reading and compiling JavaScript. V8 takes that code only if it is the same
 * version with the same flags, and of the text it compares the length alone; so it is kept by build, version and
 * processor:
 *
 *     CACHE/code/BUILD-VERSION-ARCH/COMMAND/NAME.code
 *     CACHE/code/BUILD-VERSION-ARCH/_text/NAME
 *
 * The text beside it, which all commands share, saves unpacking it: a tenth of what it takes to the first verdict.
 *
 * V8 keeps of a file the functions that ran, and each command runs others: each has code of its own, which its first
 * run leaves behind. The package cannot bring it along, for it cannot know what Node it will meet.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { cacheDirectory } from './cache-directory.js';

/** What a file of CommonJS becomes once it is wrapped in a function, as Node's own loader does it. */
type Wrapper = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  filename: string,
  directory: string,
) => void;

/**
 * Flags that short runs want. V8 hands a function to its optimizing compiler after so many bytes of bytecode; by
 * default after a sixteenth of this. Most of what `run` does before the first packet is over by the time that its
 * optimized code is there, and the compiler's threads take the processor meanwhile. To verify and compile the load
 * balancer (1,596 instructions) in a fresh process took, on a busy machine, 736 ms with the default, 451 with four
 * times that, 296 with this, 292 with forty times; runs over 300,000 packets and on the interpreter were not slower
 * either.
 *
 * New objects have one megabyte at first, which doubles as often as it is full of what is still in use: to the first
 * verdict nine times, each of which stops everything. With eight times as much it is two or three times, a tenth of
 * the processor time.
 */
const flags = '--interrupt-budget=1081344 --semi-space-growth-factor=8';

/** Builds whose code is kept, the one that runs included: who works on jitnic makes many. */
const mostBuilds = 3;

/** Joined files that were run. Those that V8 had to compile can be kept for the next process. */
export class Bundle {
  /** What was run, by file name. */
  readonly scripts: Map<string, Script> = new Map();
  private readonly directory: string;
  /** Folder of the code; undefined where none is kept. */
  private readonly code: string | undefined;
  /** Texts that had to be unpacked, by file name. */
  private readonly unpacked = new Map<string, string>();
  private readonly modules = new Map<string, { exports: unknown }>();
  private readonly outside: (id: string) => unknown;

  /** Sets V8's flags for the process: the code is good for them alone. */
  constructor(directory: string, code?: string) {
    setFlagsFromString(flags);
    this.directory = directory;
    this.code = code;
    this.outside = createRequire(join(directory, 'x.cjs'));
  }

  /** What the file exports. Throws what Node throws where it is not there, and what it throws itself. */
  load(name: string): unknown {
    const known = this.modules.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} as unknown };
    this.modules.set(name, module);
    const filename = join(this.directory, name);
    const wrapper = this.compile(name, filename).runInThisContext() as Wrapper;
    // Joined files name one another by `./`; whatever else is Node's own or a package.
    const require = (id: string): unknown => {
      if (id.startsWith('./late-')) return this.late(id.slice(2));
      return id.startsWith('./') ? this.load(id.slice(2)) : this.outside(id);
    };
    wrapper(module.exports, require, module, filename, dirname(filename));
    return module.exports;
  }

  /** What a file exports that is read when somebody first asks for any of it (scripts/bundle.mjs says which are). */
  private late(name: string): unknown {
    return new Proxy({}, { get: (_, key) => (this.load(name) as Record<string | symbol, unknown>)[key] });
  }

  /**
   * Keeps the code of what V8 compiled itself. A cache is never a reason to fail: what the file system refuses is not
   * kept.
   */
  keep(): void {
    const { code } = this;
    if (code === undefined) return;
    try {
      for (const [name, script] of this.scripts)
        if (script.cachedDataRejected !== false) keepFile(code, `${name}.code`, script.createCachedData());
      for (const [name, text] of this.unpacked) keepFile(textsBeside(code), name, text);
      forgetBuilds(dirname(dirname(code)));
    } catch {
      // Nothing was kept, then.
    }
  }

  /** What the file was before it was packed. */
  private textOf(name: string, filename: string): string {
    const kept = this.code === undefined ? undefined : readIfThere(join(textsBeside(this.code), name));
    if (kept !== undefined) return kept.toString();
    const { brotliDecompressSync } = this.outside('node:zlib') as typeof import('node:zlib');
    const text = brotliDecompressSync(readFileSync(`${filename}.br`)).toString();
    this.unpacked.set(name, text);
    return text;
  }

  /** The script of a file, with the code of an earlier process if there is some; V8 says whether it took it. */
  private compile(name: string, filename: string): Script {
    // On the first line, so that lines are those of the file.
    const text = this.textOf(name, filename);
    const source = `(function (exports, require, module, __filename, __dirname) {${text}\n})`;
    const cachedData = this.code === undefined ? undefined : readIfThere(join(this.code, `${name}.code`));
    const script = new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
    this.scripts.set(name, script);
    return script;
  }
}

/** `url`: the folder of the joined files; `command`: what is to run, for code of its own. */
export function openBundle(url: URL, command: string): Bundle {
  const directory = fileURLToPath(url);
  const cache = cacheDirectory(process.env);
  const build = readIfThere(join(directory, 'build-id'))?.toString('latin1').slice(0, 16);
  if (cache === undefined || build === undefined) return new Bundle(directory);
  return new Bundle(directory, join(cache, 'code', `${build}-${process.version}-${process.arch}`, command));
}

/** Where a build keeps its texts; no command is called so. */
const textsBeside = (code: string): string => join(dirname(code), '_text');

/** Beside and renamed: a process that reads meanwhile sees all of it or nothing. */
function keepFile(folder: string, name: string, content: Uint8Array | string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written = join(folder, `${name}.${process.pid}`);
  writeFileSync(written, content, { mode: 0o600 });
  renameSync(written, join(folder, name));
}

/** The code of the builds in the folder that ran last stays, the rest goes. */
function forgetBuilds(folder: string): void {
  const builds = readdirSync(folder).map((name) => ({ path: join(folder, name), at: statSync(join(folder, name)) }));
  builds.sort((a, b) => b.at.mtimeMs - a.at.mtimeMs);
  for (const { path } of builds.slice(mostBuilds)) rmSync(path, { recursive: true, force: true });
}

/** The bytes of a file; undefined for whatever reason they cannot be had. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
