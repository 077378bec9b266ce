/** What is known of a call where it stands: which function it is, what it looks at, what it does to the frame. */
import { isLocalCall } from '../../code/index.js';
import { type Insn, op } from '../../isa/index.js';
import type { CodeShape } from './code-shape.js';
import type { FrameUse } from './frame-use.js';
import { anyCall, type CallShape, helperShape } from './helper-shape.js';
import { type Side, Untracked } from './side.js';

/** The function that the instruction at `pc` calls. Throws Untracked where a register says which. */
export function callShape(insn: Insn, pc: number, code: CodeShape): CallShape {
  const missing = code.missingAt(pc);
  if (missing !== undefined) return anyCall(`symbol ${missing}`);
  if (isLocalCall(insn)) return anyCall(`function ${code.functionAt(pc + 1 + insn.imm)}`);
  if (insn.code !== op.CALL_OP) throw new Untracked(`a call at ${pc} of what a register says`);
  if (insn.src === op.CALL_KFUNC) return anyCall(`kfunc ${insn.imm}`);
  return helperShape(insn.imm);
}

/** What the function that is called, or handed over to be called, does to the frame; undefined: nothing is known. */
export function callFrame(insn: Insn, shape: CallShape, side: Side, code: CodeShape): FrameUse | undefined {
  if (isLocalCall(insn)) return code.frameUseOf(code.functionAt(side.pc + 1 + insn.imm));
  const at = shape.args?.indexOf('func') ?? -1;
  const callback = at < 0 ? undefined : side.regs[at + 1];
  return callback?.op === 'variable' ? code.frameUseOf(callback.name.replace(/^function_/, '')) : undefined;
}

/** Registers that the call at `pc` looks at. */
export function callRegisters(insn: Insn, shape: CallShape, pc: number, code: CodeShape): readonly number[] {
  const all = [1, 2, 3, 4, 5];
  if (isLocalCall(insn) && code.missingAt(pc) === undefined)
    return all.filter((r) => code.isLive(pc + 1 + insn.imm, r));
  return shape.args === undefined ? all : all.slice(0, shape.args.length);
}
