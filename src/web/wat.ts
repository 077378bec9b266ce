/** WebAssembly as text, by the WebAssembly Binary Toolkit. */
import wabtFactory from 'wabt';

/** The text of a module, with names where the module has them. */
export async function watOf(bytes: Uint8Array): Promise<string> {
  const wabt = await wabtFactory();
  const module = wabt.readWasm(bytes, { readDebugNames: true });
  try {
    module.applyNames();
    return module.toText({ foldExprs: false, inlineExport: true });
  } finally {
    module.destroy();
  }
}
