/** The helper table against what Linux itself says: the running kernel, and libbpf's header of prototypes. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeInsns, type Insn, op } from '../isa/index.js';
import { type ArgClass, helperName, helperNames, helperRow, isMissingHelper } from '../platform/index.js';
import { Bpf } from './bpf.js';
import { hostBtf } from './host-btf.js';

/** These need a kernel that lets us use bpf(2); elsewhere they are reported as skipped. */
const bpf = Bpf.tryOpen();
const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };
const numbers = Array.from(helperNames.keys()).slice(1);

describe.skipIf(bpf === undefined)('the running kernel', () => {
  /** What it says of a program that is only a call of the helper, none of whose arguments is set. */
  const refusal = (number: number, license: string): string => {
    const call: Insn = { code: op.CALL_OP, dst: 0, src: op.CALL_HELPER, off: 0, imm: number };
    const loaded = (bpf as Bpf).progLoad({ insns: encodeInsns([call, exit]), license });
    if (!('fd' in loaded)) return loaded.log;
    (bpf as Bpf).close(loaded.fd);
    return '';
  };

  it('gives XDP the helpers that have a row, or that are listed as missing', () => {
    const offered = numbers.filter(
      (number) => !/cannot use helper|unknown func|invalid func/.test(refusal(number, 'GPL')),
    );
    const known = numbers.filter((number) => helperRow(number) !== undefined || isMissingHelper(number));
    expect(offered.map(helperName)).toEqual(known.map(helperName));
  });

  it('keeps from proprietary programs the helpers whose rows say so', () => {
    const rows = numbers.flatMap((number) => helperRow(number) ?? []);
    const kept = rows.filter(({ number }) => refusal(number, 'Proprietary').includes('GPL'));
    expect(kept.map(({ name }) => name)).toEqual(rows.filter(({ gpl }) => gpl === true).map(({ name }) => name));
  });

  it('numbers helpers as the table does', () => {
    const type = hostBtf()?.find('bpf_func_id', 'enum');
    const values = type?.kind === 'enum' ? type.values : [];
    const named = values.map(({ name }) => name.replace(/^BPF_FUNC_/, '')).filter((name) => !name.startsWith('_'));
    expect(named).toEqual(helperNames);
  });
});

const header = '/usr/include/bpf/bpf_helper_defs.h';

describe.skipIf(!existsSync(header))("libbpf's prototypes", () => {
  const prototypes = Array.from(
    readFileSync(header, 'utf8').matchAll(/^static ([\w ]+?[ *]+)\(\*bpf_(\w+)\)\((.*)\) = \(void \*\) (\d+);/gm),
    ([, result = '', name = '', list = '', number = '']) => ({
      name,
      number: Number(number),
      returnsPointer: result.trim().endsWith('*'),
      args: list === 'void' ? [] : list.split(', ').filter((arg) => arg !== '...'),
      variadic: list.endsWith('...'),
    }),
  );
  const isNumber = (arg: ArgClass | undefined): boolean =>
    arg === 'any' || arg === 'size' || arg === 'size?' || arg === 'alloc size';

  it('are those of the rows: numbers, arguments, pointers', () => {
    expect(prototypes.length).toBeGreaterThan(150);
    for (const { name, number, args, variadic, returnsPointer } of prototypes) {
      const row = helperRow(number);
      expect([number, name]).toEqual([number, helperNames[number]]);
      // XDP has the one without an argument, of the running task (bpf_get_cgroup_classid_curr_proto).
      if (row === undefined || name === 'get_cgroup_classid') continue;
      expect([name, row.args.length]).toEqual([name, args.length]);
      expect([name, row.prints === 'registers']).toEqual([name, variadic]);
      // C has a number for some pointers to kernel objects, which the verifier gives a type.
      if (row.ret !== 'ptr')
        expect([name, row.ret !== 'integer' && row.ret !== 'void']).toEqual([name, returnsPointer]);
      for (const [i, arg] of args.entries()) {
        // An address in the kernel's or the user's memory is a number to the verifier.
        const isPlain = isNumber(row.args[i]) && !/unsafe_ptr|user_ptr/.test(arg);
        if (isPlain) expect([name, i, arg]).toEqual([name, i, arg.replace('*', '')]);
        else expect([name, i, arg.includes('*')]).toEqual([name, i, true]);
      }
    }
  });
});
