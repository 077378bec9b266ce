/**
 * The layers of jitnic, lowest first. A module may import from its own layer and from layers on lines above its own;
 * layers that share a line are siblings and do not see each other. `scripts/check-layers.mjs` derives the import rules
 * from this list and `tsconfig.core.json` is checked against `portable`.
 */
export const layers = [
  ['base'],
  ['text'],
  ['isa', 'packet', 'wasm'],
  ['platform'],
  ['object'],
  ['vm'],
  ['interp', 'verifier'],
  ['ir'],
  ['opt', 'condition', 'solve'],
  ['jit'],
  ['trace'],
  ['nic'],
  ['cache'],
  ['sim'],
  ['runtime'],
  ['report'],
  ['linux'],
  ['judge'],
  ['cli', 'server', 'web'],
  ['tools'],
];

/**
 * Rooms of values: they know nothing of a machine, so neither they nor their tests import `vm`, and no guest address gets there. A room
 * is added when it is clean.
 */
export const machineless = ['ir', 'opt', 'bpf'];

/** Layers that run in a browser as they are: no `node:*`, no DOM, no packages. */
export const portable = layers.flat().slice(0, layers.flat().indexOf('linux'));
