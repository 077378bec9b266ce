/** z3 compiled to WebAssembly: the package `z3-solver`, if it is installed. */
import { createRequire } from 'node:module';
import type { Dialogue } from '../solve/index.js';

/** As much of z3's C interface as is used. */
interface LowLevel {
  mk_config(): number;
  del_config(config: number): void;
  mk_context(config: number): number;
  del_context(context: number): void;
  get_full_version(): string;
}

/**
 * The compiled solver itself. Its own `eval_smtlib2_string` puts the script on the stack and starts a thread that
 * reads it there, while the stack is used for something else: now and then the solver then sees another script. Here
 * the script lies on the heap until the answer has come.
 */
interface Module {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _async_Z3_eval_smtlib2_string(context: number, script: number): void;
  async_call(start: () => void): Promise<string>;
}

/** As much of the package as is used. */
interface Package {
  init(): Promise<{ readonly Z3: LowLevel; readonly em: Module }>;
  killThreads(module: Module): Promise<void>;
}

/** Starts the WebAssembly build; undefined if the package is not there. */
export async function openZ3Wasm(): Promise<Dialogue | undefined> {
  let z3: Package;
  try {
    // Joined files of the command line have no `import()` (cli/bundle.ts).
    z3 = createRequire(import.meta.url)('z3-solver') as Package;
  } catch {
    return undefined;
  }
  const { Z3, em } = await z3.init();
  const config = Z3.mk_config();
  const context = Z3.mk_context(config);
  Z3.del_config(config);
  return {
    // `Z3 5.2.0.0 ...`
    name: `z3-solver ${/\d+\.\d+\.\d+/.exec(Z3.get_full_version())?.[0] ?? ''}`.trim(),
    say: async (script) => {
      const text = new TextEncoder().encode(`${script}\0`);
      const at = em._malloc(text.length);
      em.HEAPU8.set(text, at);
      try {
        return await em.async_call(() => em._async_Z3_eval_smtlib2_string(context, at));
      } finally {
        em._free(at);
      }
    },
    close: async () => {
      Z3.del_context(context);
      await z3.killThreads(em);
    },
  };
}
