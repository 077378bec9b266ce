/**
 * Where global variables lie. Compilers leave that to the linker: a DATASEC has no size yet, and its global variables
 * no offsets (those of static ones are there). Symbols tell, as libbpf completes it (btf_fixup_datasec).
 */
import type { Btf } from './btf.js';
import type { Elf } from './elf.js';

/** Completes the DATASECs of sections that the file has. The encoded form stays as it was. */
export function placeVariables(btf: Btf, elf: Elf): void {
  for (const section of elf.sections) {
    if (section.size === 0 || !/^\.(?:rodata|data|bss)(?:\.|$)/.test(section.name)) continue;
    const datasec = btf.find(section.name, 'datasec');
    if (datasec?.kind !== 'datasec') continue;
    const places = new Map<string, number>();
    for (const { name, section: home, value } of elf.symbols) if (home === section.index) places.set(name, value);
    const vars = datasec.vars.map((entry) => {
      const variable = btf.type(entry.type);
      const offset = variable.kind === 'var' ? places.get(variable.name) : undefined;
      return offset === undefined ? entry : { ...entry, offset };
    });
    vars.sort((a, b) => a.offset - b.offset);
    btf.complete({ ...datasec, size: section.size, vars });
  }
}
