/**
 * How a helper stops the packet: it throws a {@link ProgramTrap}, and the engine that called it turns that into an
 * outcome.
 */
import type { Place } from '../base/index.js';
import type { LineSpec, ProgramSpec } from '../object/index.js';
import type { Trap, TrapSite } from './engine.js';
import { formatFault } from './region.js';

/** Thrown inside a run and caught by the engine that started it. */
export class ProgramTrap extends Error {
  readonly trap: Trap;

  constructor(trap: Trap) {
    super(trap.kind);
    this.trap = trap;
  }
}

/** The source line that slot `insn` was compiled from. Lines are in slot order. */
export function lineAt(lines: readonly LineSpec[], insn: number): LineSpec | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lines[middle]?.insn ?? 0) <= insn) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
}

/** Section, slot and source line of an instruction, for errors. */
export function placeOf(program: ProgramSpec, insn: number, file?: string): Place {
  const line = lineAt(program.lines, insn);
  const source = line === undefined ? undefined : `${line.file}:${line.line}`;
  return { file, section: program.section, insn, source };
}

/** What went wrong, without the place. */
export function describeTrap(trap: Trap): string {
  return trap.kind === 'memory' ? formatFault(trap.fault) : trap.what;
}

/** `xdp_main: insn 12: prog.c:33: read of 1 byte at 0x...`, and the source text on a second line where it is known. */
export function formatTrap(site: TrapSite): string {
  const { spec } = site.program;
  const line = lineAt(spec.lines, site.insn);
  const where = line === undefined ? '' : ` ${line.file}:${line.line}:`;
  const text = line === undefined || line.text.trim() === '' ? '' : `\n  ; ${line.text.trim()}`;
  return `${spec.name}: insn ${site.insn}:${where} ${describeTrap(site.trap)}${text}`;
}
