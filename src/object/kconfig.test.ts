import { describe, expect, it } from 'vitest';
import { parseKconfig, parseKernelVersion } from './kconfig.js';

describe('a kernel release', () => {
  it.each([
    ['6.1', 0x060100],
    ['6.18.44', 0x06122c],
    ['6.18.44-fc-v782', 0x06122c],
    ['5.15.0-1084-aws', 0x050f00],
    // KERNEL_VERSION() has one byte for the patch level.
    ['4.9.337', 0x0409ff],
    ['6.12-rc3', 0x060c00],
    ['6.1+', 0x060100],
  ])('%s is LINUX_KERNEL_VERSION 0x%x', (release, version) => {
    expect(parseKernelVersion(release)).toBe(version);
  });

  it.each(['', '6', 'six.1', '6.', '6.1.2.3', '999.1', 'v6.1'])('%j is none', (text) => {
    expect(parseKernelVersion(text)).toBeUndefined();
  });
});

describe('a kernel configuration', () => {
  it('is read as libbpf reads it: comments passed over, the first line of a name counting', () => {
    const text =
      '#\n# Automatically generated\nCONFIG_A=y\r\n# CONFIG_B is not set\nCONFIG_A=m\nCONFIG_C="a=b c"\nOTHER=1\nCONFIG_D=0x10';
    expect([...parseKconfig(text)]).toEqual([
      ['CONFIG_A', 'y'],
      ['CONFIG_C', '"a=b c"'],
      ['CONFIG_D', '0x10'],
    ]);
  });

  it.each(['CONFIG_A', 'CONFIG_A='])('%s says nothing, and which line it is', (line) => {
    expect(() => parseKconfig(`CONFIG_X=1\n${line}\n`, 'config')).toThrow(/line 2: .* has no value/);
  });
});
