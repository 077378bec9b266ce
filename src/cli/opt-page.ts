/** Gathers what the page of `jitnic opt --report` shows: code by source line, before and after. */
import { formatInsn } from '../isa/index.js';
import type { FunctionSpec, ProgramSpec } from '../object/index.js';
import { type OptLine, type OptPageFunction, optPage } from '../report/index.js';
import { labelOf, type OptReportData } from './opt-report.js';

/** HTML. */
export function optPageOf(data: OptReportData): string {
  const { result, before, after, executed, compared, kernel, proofs } = data;
  const seen = new Set<string>();
  const functions: OptPageFunction[] = [];
  for (const [i, program] of before.programs.entries()) {
    const next = after.programs[i];
    for (const own of program.functions) {
      const outcome = result.functions.find((fn) => fn.name === own.name && !seen.has(`${fn.section} ${fn.name}`));
      const other = next?.functions.find(({ name }) => name === own.name);
      if (outcome === undefined || next === undefined || (other === undefined && outcome.after > 0)) continue;
      seen.add(`${outcome.section} ${outcome.name}`);
      functions.push({
        name: outcome.name,
        section: outcome.section,
        before: outcome.before,
        after: outcome.after,
        label: labelOf(outcome, data),
        why: proofs?.get(outcome.name)?.why,
        saved: outcome.saved,
        takenBack: outcome.takenBack,
        kept: outcome.kept,
        // What is a part of its callers now is shown as it was.
        lines: linesOf([program, own], other === undefined ? undefined : [next, other]),
      });
    }
  }
  const packets = compared.reduce((sum, row) => sum + row.packets, 0);
  const differing = compared.filter(({ difference }) => difference !== undefined).map(({ program }) => program);
  return optPage({
    file: data.name,
    goal: data.goal,
    kernel,
    packets,
    differing,
    functions,
    programs: result.programs,
    executed,
  });
}

type Code = readonly [ProgramSpec, FunctionSpec];

/** Source lines in the order in which the old code comes to them, then those that only the new one has. */
function linesOf(before: Code, after: Code | undefined): OptLine[] {
  const [old, now] = [byLine(before), after === undefined ? new Map<string, LineCode>() : byLine(after)];
  const keys = new Set([...old.keys(), ...now.keys()]);
  return [...keys].map((key) => {
    const [from, to] = [old.get(key), now.get(key)];
    const { place, text } = from ?? to ?? { place: '', text: '' };
    return { place, text, before: from?.insns ?? [], after: to?.insns ?? [] };
  });
}

interface LineCode {
  readonly place: string;
  readonly text: string;
  readonly insns: string[];
}

function byLine([program, own]: Code): Map<string, LineCode> {
  const { insns, lines } = program;
  const found = new Map<string, LineCode>();
  let at = 0;
  let line: (typeof lines)[number] | undefined;
  for (let pc = own.start; pc < own.end; pc++) {
    for (let next = lines[at]; next !== undefined && next.insn <= pc; next = lines[++at]) line = next;
    // The second slot of a 64-bit load.
    if (insns[pc - 1]?.code === 0x18 && pc > own.start) continue;
    const place = line === undefined ? '' : `${line.file.split('/').at(-1) ?? ''}:${line.line}`;
    const known = found.get(place) ?? { place, text: line?.text.trim() ?? '', insns: [] };
    found.set(place, known);
    known.insns.push(`${String(pc - own.start).padStart(4)}  ${formatInsn(insns, pc, 'llvm', {})}`);
  }
  return found;
}
