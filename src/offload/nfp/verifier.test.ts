import { describe, expect, it } from 'vitest';
import { type Insn, op } from '../../isa/index.js';
import { assemble, type ObjectSpec } from '../../object/index.js';
import { type VerifyResult, verify, verifyForDevice } from '../../verifier/index.js';
import { type Capabilities, without } from '../capabilities.js';
import { firmwareCapabilities } from './firmware.js';
import { newMapUse } from './map-use.js';
import { nfpMessageCodes, nfpMessages } from './messages.js';
import { programText, refusedPrograms, unreachable } from './refused-programs.js';
import { NfpVerifier } from './verifier.js';

interface Verified {
  readonly result: VerifyResult;
  readonly nfp: NfpVerifier;
}

function verified(body: string, capabilities: Capabilities = firmwareCapabilities, isClassifier = false): Verified {
  const object: ObjectSpec = assemble(programText(body));
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const uses = object.maps.map(({ valueSize }) => newMapUse(valueSize));
  const nfp = new NfpVerifier(program.insns, { capabilities, stackSize: 512, uses, isClassifier });
  return { result: verifyForDevice(program, object.maps, nfp, { logLevel: 2 }), nfp };
}

const sayNothing = (): void => undefined;

describe('what the driver refuses', () => {
  it.each(refusedPrograms)('$message', ({ code, text, message, off = [] }) => {
    const { result } = verified(text, without(firmwareCapabilities, off));
    expect(result.message).toBe(message);
    const [failure] = result.failures;
    expect(failure?.errno).toBe(nfpMessages[code].errno);
    expect(failure?.explanation.hint).toBe(nfpMessages[code].hint);
    // The log ends with it, as Linux's does.
    expect(result.log.split('\n').at(-3)).toBe(message);
  });

  it.each(refusedPrograms)('Linux alone accepts what is refused for $code', ({ code, text }) => {
    const object = assemble(programText(text));
    const [program] = object.programs;
    const { accepted, message } = verify(program as NonNullable<typeof program>, object.maps);
    // Only a card lets a program write its context.
    if (code === 'queue-select' || code === 'context-store') expect(message).toContain('invalid bpf_context access');
    else if (code === 'output-type') expect(message).toContain('R4 type=ctx');
    else if (code === 'map-outside') expect(message).toContain('invalid access to map value');
    else expect({ accepted, message }).toEqual({ accepted: true, message: undefined });
  });

  it('has a program for each reason, or says why there is none', () => {
    const told = new Set([...refusedPrograms.map(({ code }) => code), ...Object.keys(unreachable)]);
    expect(nfpMessageCodes.filter((code) => !told.has(code))).toEqual([]);
  });

  it('leaves metadata alone where the firmware cannot shift it', () => {
    const head = { ...firmwareCapabilities.adjustHead, flags: 0 };
    const { result } = verified('r2 = -4\n  call bpf_xdp_adjust_head', { ...firmwareCapabilities, adjustHead: head });
    expect(result.message).toBe('[nfp] adjust_head: FW requires shifting metadata, not supported by the driver');
  });

  it('wants constants of classifiers', () => {
    const all = firmwareCapabilities;
    expect(verified('', all, true).result.message).toBeUndefined();
    const leaving = (result: string): string | undefined =>
      verified(`call bpf_get_prandom_u32\n  r1 = r0\n  ${result}\n  if r1 > 7 goto on\n  exit\non:`, all, true).result
        .message;
    expect(leaving('r0 = 1')).toBe('[nfp] unsupported exit state: 1, imm: 1');
    expect(leaving('r0 &= 6')).toBe('[nfp] unsupported exit state: 1, var_off: (0; 0x6)');
    expect(leaving('r0 = -1')).toBeUndefined();
  });

  it('refuses registers of hardened programs', () => {
    const insn: Insn = { code: op.ALU64 | op.MOV | op.K, dst: 11, src: 0, off: 0, imm: 0 };
    const nfp = new NfpVerifier([insn], { capabilities: firmwareCapabilities, stackSize: 512, uses: [] });
    const at = { pc: 0, previous: -1, insn, insns: [insn], maps: [] } as unknown as Parameters<typeof nfp.insn>[0];
    expect(nfp.insn(at, sayNothing)?.message).toBe('[nfp] program uses extended registers - jit hardening?');
  });
});

describe('what the driver accepts', () => {
  it('a program that writes the queue, moves head and tail, looks up, counts and sends an event', () => {
    const { result, nfp } = verified(`
  r6 = r1
  r2 = 3
  *(u32 *)(r1 + 16) = r2
  r2 = -8
  call bpf_xdp_adjust_head
  r1 = r6
  r2 = -4
  call bpf_xdp_adjust_tail
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = m ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
out:
  r1 = r6
  r2 = events ll
  r3 = 0xffffffff ll
  r4 = r10
  r4 += -4
  r5 = 4
  call bpf_perf_event_output`);
    expect(result.message).toBeUndefined();
    expect(result.log).toContain('[nfp] warning: return codes and behavior of event_output helper differ for offload!');
    expect(nfp.stackUsed).toBe(64);
    expect(nfp.adjustHeadAt).toBe(4);
    expect(nfp.optFailed).toBe(false);
  });

  it('adjust_head twice: each then has its checks', () => {
    const { nfp } = verified(
      'r6 = r1\n  r2 = 4\n  call bpf_xdp_adjust_head\n  r1 = r6\n  r2 = 4\n  call bpf_xdp_adjust_head',
    );
    expect(nfp.adjustHeadAt).toBe(-1);
  });

  it('what Linux rewrites: a branch that goes one way is wired, what no path reaches goes, so does a jump to the next', () => {
    const { result, nfp } = verified('r1 = 1\n  if r1 == 1 goto over\n  r0 = 0\n  exit\nover:');
    expect(result.message).toBeUndefined();
    expect(nfp.metas.map(({ hardWired }) => hardWired)).toEqual([
      undefined,
      4,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    // The branch became a jump over nothing.
    expect(nfp.metas.map(({ removed }) => removed)).toEqual([false, true, true, true, false, false]);
  });

  it('the highest byte of the packet that an access may reach', () => {
    const { nfp } = verified(`
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r8 = r6
  r8 += 40
  if r8 > r7 goto out
  r0 = *(u32 *)(r6 + 30)
out:`);
    expect(nfp.maxPacketOffset).toBe(33);
  });
});

describe('optimizations that can not be followed', () => {
  const jump: Insn = { code: op.JMP | op.JEQ | op.K, dst: 0, src: 0, off: 2, imm: 0 };
  const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };
  const insns = [jump, exit, exit, exit];
  const make = (): NfpVerifier =>
    new NfpVerifier(insns, { capabilities: firmwareCapabilities, stackSize: 512, uses: [] });

  it('are only marked: a branch with another target', () => {
    const lines: string[] = [];
    const nfp = make();
    nfp.replaceInsn(0, { ...jump, code: op.JA_OP, off: 1 }, (line) => lines.push(line));
    expect(lines).toEqual(['[nfp] branch hard wire at 0 changes target 3 -> 2']);
    expect(nfp.optFailed).toBe(true);
  });

  it('are only marked: anything that is no branch', () => {
    const lines: string[] = [];
    const nfp = make();
    nfp.replaceInsn(1, { ...jump, code: op.JA_OP }, (line) => lines.push(line));
    expect(lines).toEqual(['[nfp] unsupported instruction replacement 95 -> 5']);
    expect(nfp.optFailed).toBe(true);
  });
});
