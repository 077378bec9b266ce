/** Coverage as lcov's tracefiles have it (geninfo(1)), which editors and coverage services read. */
import type { ProgramSpec } from '../object/index.js';
import { lineAt } from '../vm/index.js';
import type { LineCounts, ProgramCounts } from './coverage.js';

/** `TN: SF: FN: FNDA: BRDA: DA:` for each source file. `lines` are of the same programs as `counts`. */
export function lcovText(lines: readonly LineCounts[], counts: readonly ProgramCounts[], name: string): string {
  const out: string[] = [];
  for (const file of new Set(lines.map((line) => line.file))) {
    const own = lines.filter((line) => line.file === file);
    out.push(`TN:${name.replace(/\W/g, '_')}`, `SF:${file}`);
    const functions = functionsOf(file, counts);
    for (const { line, name: fn } of functions) out.push(`FN:${line},${fn}`);
    for (const { name: fn, runs } of functions) out.push(`FNDA:${runs},${fn}`);
    out.push(`FNF:${functions.length}`, `FNH:${functions.filter(({ runs }) => runs > 0).length}`);
    for (const { line, branches } of own)
      for (const [block, ways] of branches.entries())
        for (const [i, n] of ways.entries()) {
          const ran = ways[0] + ways[1] > 0;
          out.push(`BRDA:${line},${block},${i},${ran ? n : '-'}`);
        }
    const ways = own.flatMap(({ branches }) => branches.flat());
    out.push(`BRF:${ways.length}`, `BRH:${ways.filter((n) => n > 0).length}`);
    for (const { line, hits } of own) out.push(`DA:${line},${hits}`);
    out.push(`LF:${own.length}`, `LH:${own.filter(({ hits }) => hits > 0).length}`, 'end_of_record');
  }
  return `${out.join('\n')}\n`;
}

function functionsOf(file: string, counts: readonly ProgramCounts[]): { line: number; name: string; runs: number }[] {
  const found = new Map<string, { line: number; name: string; runs: number }>();
  for (const { program, runs } of counts) {
    for (const { name, start } of program.functions as ProgramSpec['functions']) {
      const at = lineAt(program.lines, start);
      if (at === undefined || at.file !== file) continue;
      const before = found.get(name)?.runs ?? 0;
      found.set(name, { line: at.line, name, runs: before + (runs[start] ?? 0) });
    }
  }
  return [...found.values()];
}
