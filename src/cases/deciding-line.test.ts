/** Which line decided, wherever compilers keep a verdict. */
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { type LoadedProgram, Machine } from '../vm/index.js';
import { DecisionObserver } from './deciding-line.js';

const head = `
	r2 = *(u32 *)(r1 + 4)
	r1 = *(u32 *)(r1 + 0)
	r1 += 14
`;

/** The line that decides about a packet of 60 bytes. */
function decided(code: string): string | undefined {
  return decidedIn(assemble(`.license "GPL"\n.section xdp\n.globl prog\nprog:\n${head}${code}`)).line;
}

/** The line that decides about a packet of 60 bytes in the first program, and the verdict. */
function decidedIn(object: ObjectSpec): { readonly verdict: number; readonly line: string | undefined } {
  const machine = new Machine(object);
  const interpreter = new Interpreter(machine);
  const observer = new DecisionObserver();
  interpreter.observer = observer;
  machine.setPacket({ data: new Uint8Array(60) });
  observer.start();
  const { verdict } = interpreter.run(machine.programs[0] as LoadedProgram);
  return { verdict, line: observer.line?.text };
}

describe('the line that decided', () => {
  it.each([
    ['r0', ''],
    ['a register that calls keep', 'w0 = w6'],
    ['two copies', 'w7 = w6\n\tr0 = r7'],
    ['the stack', '*(u32 *)(r10 - 8) = r6\n\tw6 = 9\n\tw0 = *(u32 *)(r10 - 8)'],
  ])('is found where the verdict was kept in %s', (_, move) => {
    const register = move === '' ? 'w0' : 'w6';
    const code = `
; int verdict = DROP; @ prog.c:1
	${register} = 1
; if (data + 14 > end) goto out; @ prog.c:2
	if r1 > r2 goto out
; verdict = PASS; @ prog.c:3
	${register} = 2
; if (log) @ prog.c:4
	if r3 == 5 goto out
; log(); @ prog.c:5
	r4 = 1
out:
; return verdict; @ prog.c:6
	${move}
	exit
`;
    expect(decided(code.replace('if r3 ==', 'r3 = 4\n\tif r3 =='))).toBe('if (data + 14 > end) goto out;');
  });

  it('is not one behind an exit', () => {
    const code = `
; if (short) @ prog.c:1
	w0 = 1
	if r1 > r2 goto out
	w0 = 2
; if (log) @ prog.c:2
	if r1 == 0 goto out
	r4 = 1
out:
	exit
; never @ prog.c:3
	w0 = 3
	exit
`;
    expect(decided(code)).toBe('if (short)');
  });

  it('is where another program was chosen that has nothing to decide', () => {
    const object = assemble(`.license "GPL"
.map stages type=prog_array key=4 value=4 max_entries=1
.slot 0, refuse
.section xdp
.globl prog
prog:
	r6 = r1
	r2 = *(u32 *)(r1 + 4)
	r3 = *(u32 *)(r1 + 0)
	r3 += 100
; if (data + 100 > end) @ prog.c:1
	if r3 > r2 goto short
; return XDP_PASS; @ prog.c:2
	r0 = 2
	exit
short:
; bpf_tail_call(ctx, &stages, 0); @ prog.c:3
	r1 = r6
	r2 = stages ll
	r3 = 0
	call bpf_tail_call
	r0 = 0
	exit
.section xdp/refuse
.globl refuse
refuse:
; return XDP_DROP; @ prog.c:9
	r0 = 1
	exit
`);
    expect(decidedIn(object)).toEqual({ verdict: 1, line: 'if (data + 100 > end)' });
  });
});
