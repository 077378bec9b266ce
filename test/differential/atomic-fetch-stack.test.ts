/**
 * The one mistake of Linux that fuzzing found (atomic-fetch-stack.s says how it comes about): the verifier removes a
 * branch that the program can take, and what runs then is not the program. A kernel without the mistake passes as
 * well: it gives what the program says.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeInsns, op } from '../../src/isa/index.js';
import { machineEngine, machineEngineNames } from '../../src/judge/index.js';
import { MachineSubject } from '../../src/judge/machine-subject.js';
import { Bpf, KernelObject } from '../../src/linux/index.js';
import { parseImage, readObject, writeElf } from '../../src/object/index.js';

const file = fileURLToPath(new URL('atomic-fetch-stack.s', import.meta.url));
const object = readObject(writeElf(parseImage(readFileSync(file, 'utf8'), file)), { name: 'atomic-fetch-stack' });
const packet = { data: new Uint8Array(60) };

const bpf = Bpf.tryOpen();

describe('a number fetched from the stack', () => {
  it.each(machineEngineNames)('is what the program put there, in %s', (name) => {
    const subject = new MachineSubject(object, 'main', machineEngine(name), { cpus: 1 });
    expect(subject.run(packet).verdict).toBe(1);
  });

  it.skipIf(bpf === undefined)('is that in Linux too, or else the branch on it is gone', () => {
    const linux = bpf as Bpf; // skipped otherwise
    const kernel = KernelObject.load(linux, object);
    try {
      const fd = kernel.programFd('main') ?? -1;
      const verdict = linux.testRun(fd, packet).retval;
      const isBranch = (code: number): boolean => code === (op.JMP | op.JSET | op.K);
      const hasBranch = decodeInsns(linux.progInfo(fd).xlated).some((insn) => isBranch(insn.code));
      expect([verdict, hasBranch]).toEqual(hasBranch ? [1, true] : [0, false]);
    } finally {
      kernel.close();
    }
  });
});
