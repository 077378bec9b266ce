/** Code for an editor's view of instructions: addresses are those of the guest, eight bytes a slot. */
import type { Source } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Debugger, SourcePlace } from '../debug/index.js';
import { encodeInsns, formatInsn } from '../isa/index.js';
import { programNames } from '../object/index.js';
import { hex } from '../text/index.js';
import { type LoadedProgram, slotAt } from '../vm/index.js';

/** What stands for an instruction: its address. */
export function referenceOf(program: LoadedProgram, pc: number): string {
  return `0x${(program.code + 8 * pc).toString(16)}`;
}

/** The instruction that a reference and an offset in bytes stand for; undefined where there is none. */
export function instructionAt(
  { machine }: Debugger,
  reference: string,
  offset: number,
): { readonly program: number; readonly pc: number } | undefined {
  const place = Number(reference) + offset;
  if (!Number.isSafeInteger(place)) return undefined;
  const address = BigInt(place);
  const program = machine.programs.find((one) => slotAt(one, address) >= 0);
  return program === undefined ? undefined : { program: program.index, pc: slotAt(program, address) };
}

/** As many instructions as are asked for, from so many before or behind a place; where there are none, it says so. */
export function disassembled(
  debug: Debugger,
  args: DebugProtocol.DisassembleArguments,
  sourceOf: (place: SourcePlace) => Source,
): DebugProtocol.DisassembledInstruction[] {
  const at = instructionAt(debug, args.memoryReference, args.offset ?? 0);
  const program = debug.machine.programs[at?.program ?? -1];
  if (at === undefined || program === undefined) throw new Error('no code is there');
  const { spec } = program;
  const names = programNames(debug.object, spec);
  const slots: number[] = [];
  // A 64-bit load takes two slots, of which the second is no instruction.
  for (let pc = 0; pc < spec.insns.length; pc += spec.insns[pc]?.code === 0x18 ? 2 : 1) slots.push(pc);
  const first = slots.findLastIndex((pc) => pc <= at.pc) + (args.instructionOffset ?? 0);
  return Array.from({ length: args.instructionCount }, (_, i): DebugProtocol.DisassembledInstruction => {
    const pc = slots[first + i];
    if (pc === undefined) {
      const beyond =
        first + i < 0
          ? program.code - 8 * -(first + i)
          : program.code + 8 * (spec.insns.length + first + i - slots.length);
      return {
        address: `0x${Math.max(0, beyond).toString(16)}`,
        instruction: '(no code)',
        presentationHint: 'invalid',
      };
    }
    const size = spec.insns[pc]?.code === 0x18 ? 2 : 1;
    const { source } = debug.whereIs({ program, pc, depth: 0 });
    const fn = spec.functions.find(({ start }) => start === pc)?.name;
    return {
      address: referenceOf(program, pc),
      instruction: `${pc}: ${formatInsn(spec.insns, pc, 'llvm', names)}`,
      instructionBytes: hex(encodeInsns(spec.insns.slice(pc, pc + size)), ' '),
      ...(fn === undefined ? {} : { symbol: fn }),
      ...(source === undefined ? {} : { location: sourceOf(source), line: source.line }),
    };
  });
}
