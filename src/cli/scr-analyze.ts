/** `jitnic scr analyze FILE [PROG]`: what of a program is state, and what a core must know of others' packets. */
import { exitCodes, UsageError } from '../base/index.js';
import { pickProgram } from '../object/index.js';
import { stateMaps } from '../scr/index.js';
import { formatTable } from '../text/index.js';
import { openProgramFile } from './program-file.js';
import type { ScrOperation } from './scr-operation.js';

/** JSON: `jitnic.scr-analyze/1`. */
export const analyzeOperation: ScrOperation = {
  name: 'analyze',
  summary: 'state, metadata, bytes a packet, replay cost, and whether it can be replicated at all',
  example: 'jitnic scr analyze prog.o',
  flags: [],
  declare: () => undefined,
  run: async ([file, name], flags, io) => {
    if (file === undefined) throw new UsageError('analyze which program?', {}, 'jitnic scr analyze prog.o');
    const object = await openProgramFile(file, io, flags);
    const program = pickProgram(object, name);
    const maps = stateMaps(object, program);
    if (io.flags.json) {
      io.json('jitnic.scr-analyze/1', {
        program: program.name,
        maps: maps.map(({ spec, role, otherWriters }) => ({
          name: spec.name,
          type: spec.type,
          role,
          other_writers: otherWriters,
        })),
      });
      return exitCodes.ok;
    }
    io.out(
      formatTable(
        ['map', 'type', 'is', 'also written by'].map((title) => ({ title })),
        maps.map(({ spec, role, otherWriters }) => [spec.name, spec.type, role, otherWriters.join(', ')]),
      ),
    );
    return exitCodes.ok;
  },
};
