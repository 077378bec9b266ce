/**
 * What has to hold of a value by itself: operands that its operation takes, a detail of its kind, bits that its
 * operands allow.
 */
import { op as bpf } from '../isa/index.js';
import { maxOpenFrames, stackSize, xdpMd } from '../platform/index.js';
import { onesOf } from './lower-alu.js';
import { resultOnes } from './ones.js';
import { type OpName, opTable } from './ops.js';
import { type Detail, mask32, mask64, type Value } from './value.js';

/** Which detail an operation has to have; others have none. */
const details: Partial<Record<OpName, Detail['kind']>> = {
  load: 'memory',
  store: 'memory',
  fill: 'memory',
  atomic: 'atomic',
  lookup: 'lookup',
  slot: 'slot',
  cell: 'cell',
  call: 'call',
  guard: 'guard',
};

/** Bits that a result of an operation of that width can have. */
const widthMasks: Readonly<Record<0 | 1 | 32 | 64, bigint>> = { 0: mask64, 1: 1n, 32: mask32, 64: mask64 };

/** What is wrong with a value, as the end of a sentence that begins with its name; undefined: nothing. */
export function faultOf(value: Value): string | undefined {
  return faultOfArguments(value) ?? faultOfDetail(value) ?? faultOfImmediate(value) ?? faultOfOnes(value);
}

/** What is wrong with the arguments, in words that go on behind the value's name. */
function faultOfArguments({ op, args, imm, detail }: Value): string | undefined {
  const { arity } = opTable[op];
  if (arity >= 0 && args.length !== arity) return `has ${args.length} arguments, not ${arity}`;
  for (const arg of args) if (opTable[arg.op].width === 0) return `uses v${arg.id}, which has no result`;
  const [a, b] = args;
  switch (op) {
    case 'select':
    case 'guard':
      return a !== undefined && a.ones > 1n ? `asks v${a.id}, which is not 0 or 1` : undefined;
    case 'ptr':
      return a?.op === 'ptr' ? 'is a pointer to a pointer' : undefined;
    case 'shl':
    case 'shr':
    case 'sar':
      return b?.op === 'const' && b.imm > 63n ? `shifts by ${b.imm}` : undefined;
    case 'shl32':
    case 'sar32':
      return b?.op === 'const' && b.imm > 31n ? `shifts by ${b.imm}` : undefined;
    case 'atomic': {
      const count = detail?.kind === 'atomic' && detail.atomic === bpf.ATOMIC_CMPXCHG ? 3 : 2;
      return args.length === count ? undefined : `has ${args.length} arguments, not ${count}`;
    }
    case 'lookup': {
      // The key's pieces, or one address.
      const count = detail?.kind === 'lookup' ? detail.pieces.length : 0;
      return args.length === Math.max(count, 1)
        ? undefined
        : `has ${args.length} arguments for ${count} pieces of a key`;
    }
    case 'call': {
      const count = detail?.kind === 'call' ? detail.pieces.length : 0;
      return args.length >= count && args.length <= count + 5 ? undefined : `has ${args.length} arguments`;
    }
    case 'env':
      return imm < 0n ? 'asks for no helper' : undefined;
    default:
      return undefined;
  }
}

/** What is wrong with the detail: sizes, spaces and maps that go together. */
function faultOfDetail({ op, detail }: Value): string | undefined {
  if (detail?.kind !== details[op])
    return `is described as ${detail?.kind ?? 'nothing'}, not ${details[op] ?? 'nothing'}`;
  if (detail?.kind !== 'memory' && detail?.kind !== 'atomic') return undefined;
  const { size, space, map } = detail;
  const isSize =
    op === 'fill'
      ? size % 8 === 0 && size > 0 && size <= stackSize
      : op === 'atomic'
        ? size === 4 || size === 8
        : isPower(size);
  if (!isSize) return `touches ${size} bytes`;
  return map >= 0 && space !== 'map' ? `touches ${space} and map ${map}` : undefined;
}

function isPower(size: number): boolean {
  return size === 1 || size === 2 || size === 4 || size === 8;
}

function faultOfImmediate({ op, imm }: Value): string | undefined {
  switch (op) {
    case 'const':
      return imm >= 0n && imm <= mask64 ? undefined : `is ${imm}, which has more than 64 bits`;
    case 'frame':
      return imm >= 0n && imm < BigInt(maxOpenFrames) ? undefined : `is of call depth ${imm}`;
    case 'map':
    case 'data':
    case 'code':
    case 'element':
    case 'cell':
      return imm >= 0n ? undefined : `names ${op} ${imm}`;
    case 'ctx':
      return imm >= 0n && imm < BigInt(xdpMd.size) && imm % 4n === 0n ? undefined : `is no field: offset ${imm}`;
    default:
      return undefined;
  }
}

/**
 * A value may claim less than follows from its operands, never more. What phis, loads and calls claim comes from
 * elsewhere, within their width.
 */
function faultOfOnes({ op, args, imm, detail, ones }: Value): string | undefined {
  const { kind, width } = opTable[op];
  if ((ones & ~widthMasks[width]) !== 0n) return `has bits 0x${ones.toString(16)} in a width of ${width}`;
  const [a, b, c] = args;
  let least = 0n;
  if (op === 'const') least = imm;
  else if (op === 'select') least = (b?.ones ?? mask64) | (c?.ones ?? mask64);
  else if (op === 'load' && detail?.kind === 'memory' && (ones & ~onesOf(detail.size)) !== 0n)
    return `has bits 0x${ones.toString(16)} in ${detail.size} bytes`;
  else if (kind === 'pure' && op !== 'ptr' && op !== 'element') least = resultOnes(op, a, b ?? a);
  return (least & ~ones) === 0n
    ? undefined
    : `cannot have bits 0x${(least & ~ones).toString(16)}, but its arguments can`;
}
