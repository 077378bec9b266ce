/** Value types and opcodes (core specification 2.0, sections 5.3 and 5.4), by their names in the text format. */

/** Codes of number types and of vectors (sections 5.3.1 and 5.3.2). */
export const valueTypes = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** Types of locals, parameters and results. */
export type ValueType = keyof typeof valueTypes;

/** Instructions without immediates. */
export const plainOpcodes = {
  unreachable: 0x00,
  nop: 0x01,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  'i32.eqz': 0x45,
  'i32.eq': 0x46,
  'i32.ne': 0x47,
  'i32.lt_s': 0x48,
  'i32.lt_u': 0x49,
  'i32.gt_s': 0x4a,
  'i32.gt_u': 0x4b,
  'i32.le_s': 0x4c,
  'i32.le_u': 0x4d,
  'i32.ge_s': 0x4e,
  'i32.ge_u': 0x4f,
  'i64.eqz': 0x50,
  'i64.eq': 0x51,
  'i64.ne': 0x52,
  'i64.lt_s': 0x53,
  'i64.lt_u': 0x54,
  'i64.gt_s': 0x55,
  'i64.gt_u': 0x56,
  'i64.le_s': 0x57,
  'i64.le_u': 0x58,
  'i64.ge_s': 0x59,
  'i64.ge_u': 0x5a,
  'i32.clz': 0x67,
  'i32.ctz': 0x68,
  'i32.popcnt': 0x69,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.div_s': 0x6d,
  'i32.div_u': 0x6e,
  'i32.rem_s': 0x6f,
  'i32.rem_u': 0x70,
  'i32.and': 0x71,
  'i32.or': 0x72,
  'i32.xor': 0x73,
  'i32.shl': 0x74,
  'i32.shr_s': 0x75,
  'i32.shr_u': 0x76,
  'i32.rotl': 0x77,
  'i32.rotr': 0x78,
  'i64.clz': 0x79,
  'i64.ctz': 0x7a,
  'i64.popcnt': 0x7b,
  'i64.add': 0x7c,
  'i64.sub': 0x7d,
  'i64.mul': 0x7e,
  'i64.div_s': 0x7f,
  'i64.div_u': 0x80,
  'i64.rem_s': 0x81,
  'i64.rem_u': 0x82,
  'i64.and': 0x83,
  'i64.or': 0x84,
  'i64.xor': 0x85,
  'i64.shl': 0x86,
  'i64.shr_s': 0x87,
  'i64.shr_u': 0x88,
  'i64.rotl': 0x89,
  'i64.rotr': 0x8a,
  'i32.wrap_i64': 0xa7,
  'i64.extend_i32_s': 0xac,
  'i64.extend_i32_u': 0xad,
  'i32.extend8_s': 0xc0,
  'i32.extend16_s': 0xc1,
  'i64.extend8_s': 0xc2,
  'i64.extend16_s': 0xc3,
  'i64.extend32_s': 0xc4,
} as const;

/** Instructions without immediates: arithmetic, comparisons, conversions. */
export type PlainOp = keyof typeof plainOpcodes;

/** Loads and stores: opcode, and the natural alignment as a power of two. */
export const memoryOpcodes = {
  'i32.load': [0x28, 2],
  'i64.load': [0x29, 3],
  'i32.load8_s': [0x2c, 0],
  'i32.load8_u': [0x2d, 0],
  'i32.load16_s': [0x2e, 1],
  'i32.load16_u': [0x2f, 1],
  'i64.load8_s': [0x30, 0],
  'i64.load8_u': [0x31, 0],
  'i64.load16_s': [0x32, 1],
  'i64.load16_u': [0x33, 1],
  'i64.load32_s': [0x34, 2],
  'i64.load32_u': [0x35, 2],
  'i32.store': [0x36, 2],
  'i64.store': [0x37, 3],
  'i32.store8': [0x3a, 0],
  'i32.store16': [0x3b, 1],
  'i64.store8': [0x3c, 0],
  'i64.store16': [0x3d, 1],
  'i64.store32': [0x3e, 2],
} as const;

/** Loads and stores; their immediates are the alignment's exponent and a constant offset. */
export type MemoryOp = keyof typeof memoryOpcodes;

/**
 * Atomic operations (threads proposal), behind the prefix 0xfe: opcode, and the alignment, which has to be the natural
 * one.
 */
export const atomicOpcodes = {
  'i32.atomic.load': [0x10, 2],
  'i64.atomic.load': [0x11, 3],
  'i32.atomic.store': [0x17, 2],
  'i64.atomic.store': [0x18, 3],
  'i32.atomic.rmw.add': [0x1e, 2],
  'i64.atomic.rmw.add': [0x1f, 3],
  'i32.atomic.rmw.and': [0x2c, 2],
  'i64.atomic.rmw.and': [0x2d, 3],
  'i32.atomic.rmw.or': [0x33, 2],
  'i64.atomic.rmw.or': [0x34, 3],
  'i32.atomic.rmw.xor': [0x3a, 2],
  'i64.atomic.rmw.xor': [0x3b, 3],
  'i32.atomic.rmw.xchg': [0x41, 2],
  'i64.atomic.rmw.xchg': [0x42, 3],
  'i32.atomic.rmw.cmpxchg': [0x48, 2],
  'i64.atomic.rmw.cmpxchg': [0x49, 3],
} as const;

/** Atomic loads, stores and read-modify-write operations (threads proposal), for memory that several threads share. */
export type AtomicOp = keyof typeof atomicOpcodes;

/** Vector instructions without immediates (section 5.4.8), behind the prefix 0xfd. */
export const vectorOpcodes = {
  'i32x4.splat': 0x11,
  'i32x4.eq': 0x37,
  'i32x4.ne': 0x38,
  'i32x4.lt_u': 0x3a,
  'i32x4.le_u': 0x3e,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.xor': 0x51,
  'v128.bitselect': 0x52,
  'v128.any_true': 0x53,
  'i32x4.shl': 0xab,
  'i32x4.shr_s': 0xac,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'i32x4.sub': 0xb1,
  'i32x4.mul': 0xb5,
} as const;

/** Vector arithmetic, comparisons and bits. */
export type VectorOp = keyof typeof vectorOpcodes;

/** Vector instructions with a lane as immediate. */
export const laneOpcodes = { 'i32x4.extract_lane': 0x1b, 'i32x4.replace_lane': 0x1c } as const;

/** One lane out of a vector, or into it. */
export type LaneOp = keyof typeof laneOpcodes;

/** Loads of vectors. */
export const vectorMemoryOpcodes = { 'v128.load': 0x00 } as const;

/** Loads of 16 bytes. */
export type VectorMemoryOp = keyof typeof vectorMemoryOpcodes;
