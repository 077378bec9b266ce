/** What there is to see at a position, as plain data: fronts put it into panes, trees or tables. */
import { formatInsn } from '../isa/index.js';
import { programNames } from '../object/index.js';
import { packetFields } from '../packet/index.js';
import { factText, type InsnFacts, slotFactText } from '../verifier/index.js';
import { type Debugger, frameBytes } from './debugger.js';
import { symbolOf } from './symbols.js';

/** A register. */
export interface RegisterView {
  readonly name: string;
  readonly value: bigint;
  /** `0x10100`, or a small number in decimal. */
  readonly text: string;
  /** What it points to. */
  readonly symbol: string | undefined;
  /** What the verifier knows of it here; undefined where it is dead, or was not asked. */
  readonly known: string | undefined;
  /** It had another value at the stop before. */
  readonly isChanged: boolean;
}

/** Eight bytes of the stack. */
export interface SlotView {
  /** From the frame pointer. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly value: bigint;
  readonly symbol: string | undefined;
  readonly known: string | undefined;
  readonly isChanged: boolean;
}

/** A field of the packet. */
export interface FieldView {
  readonly name: string;
  readonly text: string;
  /** As the packet arrived, where that is something else; `none` where it was not there. */
  readonly arrived: string | undefined;
  /** It had another value at the stop before. */
  readonly isChanged: boolean;
}

/** A header with its fields. */
export interface HeaderView {
  readonly label: string;
  readonly fields: readonly FieldView[];
}

/** The packet as it is now. */
export interface PacketView {
  readonly bytes: Uint8Array;
  readonly arrivedLength: number;
  readonly headers: readonly HeaderView[];
  /** Bytes behind the last field of a header that is known. */
  readonly payload: Uint8Array;
  readonly isPayloadChanged: boolean;
}

/** An instruction. */
export interface CodeView {
  readonly pc: number;
  readonly text: string;
  readonly isHere: boolean;
}

/** A line of a source. */
export interface LineView {
  readonly line: number;
  /** Undefined: no code is of the line, and the file is not at hand. */
  readonly text: string | undefined;
  readonly isHere: boolean;
  readonly stop: number | undefined;
}

/** Small numbers in decimal, others in hexadecimal. */
function registerText(value: bigint): string {
  return value < 0x10000n ? value.toString() : `0x${value.toString(16)}`;
}

/** All eleven. `asks`: the verifier too, which takes a while the first time. */
export function registerViews(debug: Debugger, asks = true): RegisterView[] {
  const { execution, machine, before, object } = debug;
  const facts = asks ? factsHere(debug) : undefined;
  return Array.from({ length: 11 }, (_, i): RegisterView => {
    const value = execution.registers.u64[i] ?? 0n;
    const fact = facts?.regs[i];
    return {
      name: `r${i}`,
      value,
      text: registerText(value),
      // A number may happen to be an address.
      symbol: fact?.kind === 'scalar' ? undefined : symbolOf(machine, value),
      known: fact === undefined ? undefined : factText(fact, object.maps),
      isChanged: before !== undefined && before.registers[i] !== value,
    };
  });
}

/** What the verifier knows before the instruction at hand. */
function factsHere(debug: Debugger): InsnFacts | undefined {
  const [frame] = debug.frames;
  return debug.isAtEnd || frame === undefined ? undefined : debug.facts(frame.program.index)?.insns[frame.pc];
}

/**
 * Slots of the innermost frame that hold something, or of which something is known; from the frame pointer down.
 * `asks` as for {@link registerViews}.
 */
export function stackViews(debug: Debugger, asks = true): SlotView[] {
  const { machine, before, object } = debug;
  const depth = debug.frames[0]?.depth ?? 0;
  const bytes = frameBytes(machine, depth);
  const view = new DataView(bytes.buffer);
  const facts = asks ? factsHere(debug) : undefined;
  const slots: SlotView[] = [];
  for (let at = bytes.length - 8; at >= 0; at -= 8) {
    const offset = at - bytes.length;
    const part = bytes.slice(at, at + 8);
    const known = facts?.stack.find(({ off }) => off === offset);
    const isChanged = before?.depth === depth && part.some((byte, i) => byte !== before.frame[at + i]);
    if (!isChanged && known === undefined && part.every((byte) => byte === 0)) continue;
    const value = view.getBigUint64(at, true);
    slots.push({
      offset,
      bytes: part,
      value,
      symbol: symbolOf(machine, value),
      known: known === undefined ? undefined : slotFactText(known, object.maps),
      isChanged,
    });
  }
  return slots;
}

/** The packet by fields, against how it came and how it was at the stop before. */
export function packetView({ machine, execution, before }: Debugger): PacketView {
  const bytes = machine.lane.packet.bytes();
  const arrived = execution.input.data;
  const textsOf = (data: Uint8Array | undefined): Map<string, string> =>
    new Map(packetFields(data ?? bytes).flatMap(({ fields }) => fields.map(({ name, text }) => [name, text])));
  const [came, was] = [textsOf(arrived), textsOf(before?.packet)];
  const found = packetFields(bytes);
  const headers = found.map(({ label, fields }): HeaderView => {
    return {
      label,
      fields: fields.map(({ name, text }): FieldView => {
        const old = came.get(name);
        return { name, text, arrived: old === text ? undefined : (old ?? 'none'), isChanged: was.get(name) !== text };
      }),
    };
  });
  const end = Math.max(0, ...found.flatMap(({ fields }) => fields.map(({ start, width }) => start + width)));
  const payload = bytes.subarray(end);
  const old = arrived.subarray(arrived.length - payload.length);
  const isPayloadChanged = payload.some((byte, i) => byte !== old[i]);
  return { bytes, arrivedLength: arrived.length, headers, payload, isPayloadChanged };
}

/** Instructions around the one at hand. */
export function codeViews(debug: Debugger, around: number): CodeView[] {
  const [frame] = debug.frames;
  if (frame === undefined) return [];
  const { spec } = frame.program;
  const names = programNames(debug.object, spec);
  const all: CodeView[] = [];
  for (let pc = 0; pc < spec.insns.length; pc++) {
    all.push({ pc, text: formatInsn(spec.insns, pc, 'llvm', names), isHere: pc === frame.pc });
    // A 64-bit load takes two slots, of which the second is no instruction.
    if (spec.insns[pc]?.code === 0x18) pc++;
  }
  const here = all.findIndex(({ isHere }) => isHere);
  return all.slice(Math.max(0, here - around), here + around + 1);
}

/** Lines around the one at hand, of the file if `source` has it, else those that the object knows. */
export function lineViews(
  debug: Debugger,
  around: number,
  source: (file: string) => readonly string[] | undefined,
  center?: { readonly file: string; readonly line: number },
): LineView[] {
  const [frame] = debug.frames;
  const here = frame === undefined ? undefined : debug.whereIs(frame).source;
  const middle = center ?? here;
  if (middle === undefined) return [];
  const { file } = middle;
  const text = source(file);
  const lines: LineView[] = [];
  for (let line = Math.max(1, middle.line - around); line <= middle.line + around; line++) {
    const own = text === undefined ? debug.lines.textOf({ file, line }) : text[line - 1];
    if (text !== undefined && own === undefined) break;
    const stop = debug.stops.find(
      ({ place }) => place.kind === 'line' && place.source.file === file && place.source.line === line,
    )?.number;
    lines.push({ line, text: own, isHere: here?.file === file && here.line === line, stop });
  }
  return lines;
}
