/**
 * Runs the joined files of the command line (`dist/bundle`, CommonJS, made by scripts/bundle-cli.mjs) with the code
 * that V8 made of them when they were built, which lies beside each of them as `NAME.code`. A process that has just
 * started would spend a third of its time on reading and compiling JavaScript. V8 takes that code only if it is the
 * same version with the same flags; else it compiles as ever. Of the text it compares the length alone, so the build
 * removes what it made before.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

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
 */
const flags = '--interrupt-budget=1081344';

export class Bundle {
  /** What was run, by file name. */
  readonly scripts: Map<string, Script> = new Map();
  private readonly directory: string;
  private readonly modules = new Map<string, { exports: unknown }>();
  private readonly outside: (id: string) => unknown;

  /** Sets V8's flags for the process: the code is good for them alone. */
  constructor(directory: string) {
    setFlagsFromString(flags);
    this.directory = directory;
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
    const require = (id: string): unknown => (id.startsWith('./') ? this.load(id.slice(2)) : this.outside(id));
    wrapper(module.exports, require, module, filename, dirname(filename));
    return module.exports;
  }

  private compile(name: string, filename: string): Script {
    // On the first line, so that lines are those of the file.
    const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`;
    const cachedData = readIfThere(`${filename}.code`);
    const script = new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
    this.scripts.set(name, script);
    return script;
  }
}

/** `url`: the folder. */
export function openBundle(url: URL): Bundle {
  return new Bundle(fileURLToPath(url));
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
