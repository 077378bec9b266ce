/**
 * The rooms of jitnic in rows, lowest first. A module imports only from its own room and from rooms on rows before
 * its own; rooms that share a row are siblings and do not see each other. `scripts/check-layers.mjs` derives the
 * import rules from this list. Each room says what it is:
 *
 * - `portable`: it runs in a browser as it is, with no `node:*`, no DOM, no packages. `tsconfig.core.json` compiles
 *   exactly those.
 * - `machineless`: it knows values only. Neither it nor its tests import a machine (`vm`, `interp`), and no guest
 *   address gets there. A room becomes so when it is clean.
 *
 * Rooms without a folder yet are listed where they will stand.
 */
const room = (isPortable, isMachineless) => {
  return (...names) => names.map((name) => ({ name, portable: isPortable, machineless: isMachineless }));
};
const values = room(true, true);
const portable = room(true, false);
const host = room(false, false);

/**
 * Where guest addresses may be (`GuestAddress`, src/vm/guest-address.ts): rooms and files that run programs or show
 * memory. `scripts/check-addresses.mjs` asks the compiler that no other file has an expression of that type.
 */
export const addressed = [
  'src/vm',
  'src/interp',
  'src/jit',
  'src/nic/software',
  // A card for tests, in place of the software card.
  'src/nic/testing.ts',
  'src/nic/vliw/engine.ts',
  'src/nic/manycore/engine.ts',
  'src/nic/pipeline/execute.ts',
  // Terms of bytes by address, and what helpers do to them.
  'src/explore/follow',
  // The interpreter of the IR, and that of conditions.
  'src/judge/interpret.ts',
  'src/judge/ir-engine.ts',
  'src/judge/conditions/oracle.ts',
  // A debugger shows memory by address, to people and to editors.
  'src/debug',
  'src/cli/debug-disassembly.ts',
];

export const rows = [
  portable('base'),
  portable('text', 'platform'),
  portable('isa', 'packet', 'wasm'),
  portable('object'),
  values('code'),
  portable('vm', 'verifier'),
  portable('interp'),
  values('ir'),
  values('opt', 'bpf', 'solve', 'condition'),
  [...portable('jit', 'super'), ...host('linux')],
  portable('trace'),
  portable('nic'),
  [...portable('explore'), ...host('judge')],
  portable('cache', 'coherence', 'offload'),
  portable('runtime'),
  portable('sim', 'report', 'cases', 'debug'),
  portable('predict'),
  [...portable('scr', 'place', 'sweep'), ...host('live', 'server')],
  portable('lab'),
  host('cli'),
  portable('api'),
  host('tools'),
  host('web'),
];
