/**
 * Every reason for which a program is refused: a stable code, the kernel's wording (people search for it) with
 * `{name}` where a value goes, the kernel's error number, and what to do about it. `text` follows
 * kernel/bpf/verifier.c of Linux 6.18.
 */
import type { ErrnoName } from '../platform/index.js';

/** A reason for refusal. */
export interface MessageRow {
  readonly text: string;
  readonly errno: ErrnoName;
  /** What to do about it, for a person. */
  readonly hint?: string;
}

/**
 * All reasons by their stable code. Texts are the kernel's, so that people can search for them; `{name}` is filled
 * in.
 */
export const messages = {
  // Shape of the program.
  'empty-program': { text: 'program has no instructions', errno: 'EINVAL' },
  'too-many-insns': { text: 'program of {count} instructions is larger than 1000000', errno: 'E2BIG' },
  'unknown-opcode': { text: 'unknown opcode {code}', errno: 'EINVAL' },
  'reserved-fields': { text: '{group} uses reserved fields', errno: 'EINVAL' },
  'invalid-ld_imm64-insn': { text: 'invalid bpf_ld_imm64 insn', errno: 'EINVAL' },
  'unrecognized-ldimm64': { text: 'unrecognized bpf_ld_imm64 insn', errno: 'EINVAL' },
  'map-fd': { text: 'fd {fd} is not pointing to valid bpf_map', errno: 'EINVAL' },
  'map-refused': {
    text: "map '{map}': failed to create: {error}: {reason}",
    errno: 'EINVAL',
    hint: 'Linux does not create this map, so no program of the file is loaded',
  },
  'ksym-unknown': { text: 'ldimm64 insn specifies invalid btf_id {id}.', errno: 'EINVAL' },
  'no-direct-value': { text: 'invalid access to map value pointer, value_size={size} off={off}', errno: 'EINVAL' },
  'direct-value-type': { text: 'no direct value access support for this map type', errno: 'EINVAL' },
  'direct-value-offset': { text: 'direct value offset of {off} is not allowed', errno: 'EINVAL' },
  'bad-register': { text: 'R{reg} is invalid', errno: 'EINVAL' },
  'frame-pointer-write': {
    text: 'frame pointer is read only',
    errno: 'EACCES',
    hint: 'R10 is the frame pointer: copy it to another register first',
  },
  'jump-out-of-range': { text: 'jump out of range from insn {from} to {to}', errno: 'EINVAL' },
  'jump-into-ldimm64': { text: 'jump into the middle of ldimm64 insn {insn}', errno: 'EINVAL' },
  'unreachable-insn': { text: 'unreachable insn {insn}', errno: 'EINVAL' },
  'last-insn': { text: 'last insn is not an exit or jmp', errno: 'EINVAL' },
  'tail-call-no-btf': {
    text: 'tail_call is not allowed in subprogs without BTF',
    errno: 'EINVAL',
    hint: 'compile with -g: functions that make tail calls need type information',
  },
  'call-out-of-range': { text: 'call to invalid destination', errno: 'EINVAL' },
  'too-many-subprogs': { text: 'too many subprograms', errno: 'E2BIG' },
  'ld-abs': {
    text: 'BPF_LD_[ABS|IND] instructions not allowed for this program type',
    errno: 'EINVAL',
    hint: 'legacy packet loads are for socket filters; read the packet through ctx->data',
  },
  'addr-space-cast': {
    text: 'addr_space_cast insn can only be used in a program that has an associated arena',
    errno: 'EINVAL',
  },
  'may-goto': { text: 'invalid may_goto imm {imm}', errno: 'EINVAL' },
  'unresolved-reference': { text: '{what}', errno: 'EINVAL' },

  // Registers.
  'not-readable': { text: 'R{reg} !read_ok', errno: 'EACCES', hint: 'the register has not been set on this path' },
  'div-by-zero': { text: 'div by zero', errno: 'EINVAL' },
  'invalid-shift': { text: 'invalid shift {shift}', errno: 'EINVAL' },
  'pointer-op-pointer': { text: 'R{reg} pointer {op} pointer prohibited', errno: 'EACCES' },
  'pointer-alu32': {
    text: 'R{reg} 32-bit pointer arithmetic prohibited',
    errno: 'EACCES',
    hint: 'compute the offset in 32 bits if you like, but add it to the pointer in 64',
  },
  'null-arithmetic': {
    text: 'R{reg} pointer arithmetic on {type} prohibited, null-check it first',
    errno: 'EACCES',
    hint: 'compare the pointer with NULL before using it',
  },
  'pointer-arithmetic': { text: 'R{reg} pointer arithmetic on {type} prohibited', errno: 'EACCES' },
  'pointer-operator': { text: 'R{reg} pointer arithmetic with {op} operator prohibited', errno: 'EACCES' },
  'pointer-bitwise': { text: 'R{reg} bitwise operator {op} on pointer prohibited', errno: 'EACCES' },
  'scalar-minus-pointer': { text: 'R{reg} tried to subtract pointer from scalar', errno: 'EACCES' },
  'stack-pointer-subtraction': {
    text: 'R{reg} subtraction from stack pointer prohibited',
    errno: 'EACCES',
    hint: 'add a negative number instead: of one that varies subtract a constant first',
  },
  'insane-known-offset': { text: 'math between {type} pointer and {value} is not allowed', errno: 'EINVAL' },
  'insane-pointer-offset': { text: '{type} pointer offset {off} is not allowed', errno: 'EINVAL' },
  'unbounded-offset': {
    text: 'math between {type} pointer and register with unbounded min value is not allowed',
    errno: 'EINVAL',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'offset-out-of-bounds': {
    text: 'value {value} makes {type} pointer be out of bounds',
    errno: 'EINVAL',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },

  // Memory.
  'mem-access-kind': { text: "R{reg} invalid mem access '{type}'", errno: 'EACCES' },
  'mem-access-or-null': {
    text: "R{reg} invalid mem access '{type}'",
    errno: 'EACCES',
    hint: 'compare the pointer with NULL before using it',
  },
  'kernel-object': {
    text: 'access to a kernel object at offset {off} is not supported',
    errno: 'EACCES',
    hint: 'its layout is that of one kernel build: leave it to helpers, or to a program that is loaded there',
  },
  'kernel-negative': { text: 'R{reg} is ptr_{type} invalid negative access: off={off}', errno: 'EACCES' },
  'kernel-variable': {
    text: 'R{reg} is ptr_{type} invalid variable offset: off={off}, var_off={tnum}',
    errno: 'EACCES',
  },
  'kernel-access': { text: '{what}', errno: 'EACCES' },
  'kernel-write': { text: 'only read is supported', errno: 'EACCES' },
  'cast-unknown': { text: 'Unknown type ID {id} passed to kfunc bpf_rdonly_cast', errno: 'EINVAL' },
  'cast-kind': { text: 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void', errno: 'EINVAL' },
  'conn-write': {
    text: 'no write support to nf_conn at off {off}',
    errno: 'EACCES',
    hint: 'only `mark` is written directly; status and timeout have kernel functions',
  },
  'conn-write-end': {
    text: 'write access at off {off} with size {size} beyond the member of nf_conn ended at {end}',
    errno: 'EACCES',
  },
  'map-key-write': { text: 'write to change key R{reg} not allowed', errno: 'EACCES' },
  'mem-readonly': { text: 'R{reg} cannot write into {type}', errno: 'EACCES' },
  'misaligned-access': {
    text: 'misaligned {kind} off {off} size {size}',
    errno: 'EACCES',
    hint: 'stack accesses must be aligned to their size',
  },
  'variable-access': { text: 'variable {type} access var_off={tnum} disallowed', errno: 'EACCES' },
  'negative-offset': {
    text: 'R{reg} min value is negative, either use unsigned index or do a if (index >=0) check.',
    errno: 'EACCES',
  },
  'min-outside': {
    text: '{what} off={off} size={length}\nR{reg} min value is outside of the allowed memory range',
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'max-outside': {
    text: '{what} off={off} size={length}\nR{reg} max value is outside of the allowed memory range',
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'unbounded-access': {
    text: 'R{reg} unbounded memory access, make sure to bounds check any such access',
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'packet-access': {
    text: 'invalid access to packet, off={off} size={size}, R{reg}(id={id},off={off},r={range})\nR{reg} offset is outside of the packet',
    errno: 'EACCES',
    hint: 'packet range is {range}, access needs {needed}: compare data + {needed} with data_end first',
  },
  'packet-negative': {
    text: 'R{reg} min value is negative, either use unsigned index or do a if (index >=0) check.',
    errno: 'EACCES',
  },
  'packet-outside': { text: 'R{reg} offset is outside of the packet', errno: 'EACCES' },
  'map-write-forbidden': {
    text: 'write into map forbidden, value_size={size} off={off} size={length}',
    errno: 'EACCES',
    hint: 'the map is read-only for programs (.rodata, or BPF_F_RDONLY_PROG)',
  },
  'map-read-forbidden': { text: 'read from map forbidden, value_size={size} off={off} size={length}', errno: 'EACCES' },
  'map-special-field': { text: '{field} cannot be accessed directly by load/store', errno: 'EACCES' },
  'map-ptr-write': { text: 'only read from {type} is supported', errno: 'EACCES' },
  'map-ptr-offset': { text: 'access to bpf_map at offset {off} is not supported', errno: 'EACCES' },
  'ctx-access': {
    text: 'invalid bpf_context access off={off} size={size}',
    errno: 'EACCES',
    hint: 'struct xdp_md has six 32-bit fields, readable whole, never writable',
  },
  'ctx-modified': {
    text: 'dereference of modified {type} ptr R{reg} off={off} disallowed',
    errno: 'EACCES',
    hint: 'access the context at constant offsets from R1 as it was passed',
  },
  'ctx-negative': { text: 'negative offset {type} ptr R{reg} off={off} disallowed', errno: 'EACCES' },
  'ctx-atomic': { text: 'BPF_ATOMIC stores into R{reg} {type} is not allowed', errno: 'EACCES' },
  'sock-access': { text: 'R{reg} invalid {type} access off={off} size={size}', errno: 'EACCES' },
  'mixed-pointers': { text: 'same insn cannot be used with different pointers', errno: 'EINVAL' },
  'atomic-load': { text: 'BPF_ATOMIC loads from R{reg} {type} is not allowed', errno: 'EACCES' },
  'atomic-size': { text: 'invalid atomic operand size', errno: 'EINVAL' },
  'atomic-opcode': { text: 'BPF_ATOMIC uses invalid atomic opcode {code}', errno: 'EINVAL' },

  // Stack.
  'stack-out-of-bounds': {
    text: 'invalid {action} stack {reg} off={off} size={size}',
    errno: 'EACCES',
    hint: 'the stack is the 512 bytes below R10',
  },
  'stack-unbounded': {
    text: 'invalid unbounded variable-offset {action} stack {reg}',
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'stack-var-out-of-bounds': {
    text: 'invalid variable-offset {action} stack {reg} var_off={tnum} off={off} size={size}',
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'stack-spill-size': { text: 'invalid size of register spill', errno: 'EACCES' },
  'stack-fill-size': { text: 'invalid size of register fill', errno: 'EACCES' },
  'stack-caller-spill': { text: 'cannot spill pointers to stack into stack frame of the caller', errno: 'EINVAL' },
  'stack-special': { text: 'potential write to dynptr at off={off} disallowed', errno: 'EINVAL' },
  'stack-special-read': { text: 'invalid read from stack off {off}+{index} size {size}', errno: 'EACCES' },
  'stack-too-deep': {
    text: 'combined stack size of {frames} calls is {size}. Too large',
    errno: 'EACCES',
    hint: 'all frames of a call chain share 512 bytes',
  },
  'stack-tail-call': {
    text: 'tail_calls are not allowed when call stack of previous frames is {size} bytes. Too large',
    errno: 'EACCES',
  },

  // Calls.
  'invalid-func': { text: 'invalid func {name}#{number}', errno: 'EINVAL' },
  'unknown-func': { text: 'program of this type cannot use helper {name}#{number}', errno: 'EINVAL' },
  'helper-sleepable': { text: 'helper call might sleep in a non-sleepable prog', errno: 'EINVAL' },
  'helper-gpl': {
    text: 'cannot call GPL-restricted function from non-GPL compatible program',
    errno: 'EINVAL',
    hint: 'declare `char _license[] SEC("license") = "GPL";`',
  },
  'arg-type': { text: 'R{reg} type={type} expected={expected}', errno: 'EACCES' },
  'arg-const-size': { text: "R{reg} is not a known constant'", errno: 'EACCES' },
  'arg-offset': {
    text: 'R{reg} must have zero offset when passed to release func or trusted arg to kfunc',
    errno: 'EINVAL',
  },
  'arg-size-negative': {
    text: "R{reg} min value is negative, either use unsigned or 'var &= const'",
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'arg-size-unbounded': {
    text: "R{reg} unbounded memory access, use 'var &= const' or 'if (var < const)'",
    errno: 'EACCES',
    hint: 'bound it with a comparison (or `& mask`) on every path to this access',
  },
  'arg-size-zero': {
    text: 'R{reg} invalid zero-sized read: u64=[{min},{max}]',
    errno: 'EACCES',
    hint: 'make sure that the size is at least 1',
  },
  'arg-packet-helper': { text: 'helper access to the packet is not allowed', errno: 'EACCES' },
  'arg-map-mismatch': {
    text: "timer pointer in R1 map_uid={uid} doesn't match map pointer in R2 map_uid={uid2}",
    errno: 'EINVAL',
  },
  'arg-const-str': { text: 'R{reg} does not point to a readonly map', errno: 'EACCES' },
  'arg-const-str-var': { text: 'R{reg} is not a constant address', errno: 'EACCES' },
  'arg-const-str-nul': { text: 'string is not zero-terminated', errno: 'EINVAL' },
  'format-string': {
    text: 'Invalid format string',
    errno: 'EINVAL',
    hint: 'bpf_snprintf knows %d %i %u %x %X (with l or ll), %c, %s, %p and its kinds, with a width, and needs an argument for each',
  },
  'format-data': { text: 'format data of {size} bytes is not a number of 8-byte words', errno: 'EINVAL' },
  'arg-ref-required': { text: 'R{reg} must be referenced when passed to release function', errno: 'EINVAL' },
  'map-helper-mismatch': { text: 'cannot pass map_type {type} into func {name}#{number}', errno: 'EINVAL' },
  'tail-call-map': {
    text: 'expected prog array map for tail call',
    errno: 'EINVAL',
    hint: 'give bpf_tail_call a map of type BPF_MAP_TYPE_PROG_ARRAY',
  },
  'map-write-helper': { text: 'write into map forbidden', errno: 'EACCES' },
  'call-depth': {
    text: 'the call stack of {frames} frames is too deep',
    errno: 'E2BIG',
    hint: 'at most 8 frames; inline a function',
  },
  'call-chain-depth': {
    text: 'the call stack of {frames} frames is too deep !',
    errno: 'E2BIG',
    hint: 'at most 8 frames; inline a function',
  },
  'call-stack-return': { text: 'cannot return stack pointer to the caller', errno: 'EINVAL' },
  'loop-count': {
    text: 'verifier bug: backtracking misuse',
    errno: 'EFAULT',
    hint: 'the first argument of bpf_loop is a number, not an address',
  },
  'callback-return': {
    text: 'At callback return the register R0 {value} should have been in [{min}, {max}]',
    errno: 'EINVAL',
    hint: 'a bpf_loop or bpf_for_each_map_elem callback returns 0 to go on or 1 to stop',
  },
  'async-return': {
    text: 'At async callback return the register R0 {value} should have been in [{min}, {max}]',
    errno: 'EINVAL',
    hint: 'the callback of a timer returns 0',
  },
  'async-scalar': {
    text: 'At async callback return the register R0 is not a known value ({type})',
    errno: 'EINVAL',
    hint: 'the callback of a timer returns 0',
  },
  'callback-scalar': { text: 'R0 not a scalar value', errno: 'EACCES' },
  'callback-map': { text: 'callback function not allowed for map', errno: 'ENOTSUPP' },
  'no-func-info': {
    text: 'missing btf func_info',
    errno: 'EINVAL',
    hint: 'compile with -g: callbacks need the BTF of their function',
  },
  'dead-callback': {
    text: 'verifier bug: No program to jit at insn {insn} (subprog < 0)',
    errno: 'EFAULT',
    hint: 'Linux cannot load a program that takes the address of a function which is never called back: remove the call',
  },
  'callback-not-static': { text: 'callback function not static', errno: 'EINVAL' },
  'global-return': { text: 'At subprogram exit the register R0 is not a scalar value ({type})', errno: 'EINVAL' },
  'global-arg': { text: "{what}\nCaller passes invalid args into func#{func} ('{name}')", errno: 'EINVAL' },
  'global-void': { text: "Global function {name}() doesn't return scalar. Only those are supported.", errno: 'EINVAL' },
  'kfunc-arg-ctx': { text: 'arg#{arg} expected pointer to ctx, but got {type}', errno: 'EINVAL' },
  'kfunc-arg-dynptr': {
    text: 'arg#{arg} expected pointer to stack or const struct bpf_dynptr',
    errno: 'EINVAL',
    hint: 'a dynptr is a variable `struct bpf_dynptr` on the stack; give its address',
  },
  'kfunc-const': { text: 'R{reg} must be a known constant', errno: 'EINVAL' },
  'kfunc-device': {
    text: 'metadata kfuncs require device-bound program',
    errno: 'EINVAL',
    hint: 'loaded for a device (BPF_F_XDP_DEV_BOUND_ONLY; here `--dev-bound`) it may; programs of program arrays, cpumaps and devmaps can not be',
  },
  'kfunc-offload': { text: "metadata kfuncs can't be offloaded", errno: 'EINVAL' },
  'kfunc-gpl': {
    text: 'cannot call kernel function from non-GPL compatible program',
    errno: 'EINVAL',
    hint: 'declare `char _license[] SEC("license") = "GPL";`',
  },
  'kfunc-arg-number': { text: 'R{reg} is not a scalar', errno: 'EINVAL' },
  'kfunc-arg-null': {
    text: 'Possibly NULL pointer passed to trusted arg{arg}',
    errno: 'EACCES',
    hint: 'compare the pointer with NULL before it is passed',
  },
  'kfunc-arg-untrusted': { text: 'R{reg} must be referenced or trusted', errno: 'EINVAL' },
  'kfunc-arg-pointee': {
    text: 'arg#{arg} pointer type STRUCT {type} must point to scalar, or struct with scalar',
    errno: 'EINVAL',
    hint: 'it takes what another kernel function gave, not memory of the program',
  },
  'kfunc-arg-struct': {
    text: 'kernel function {name} args#{arg} expected pointer to STRUCT {expected} but R{reg} has a pointer to STRUCT {actual}',
    errno: 'EINVAL',
  },
  'kfunc-module-negative': {
    text: 'negative offset disallowed for kernel module function call',
    errno: 'EINVAL',
  },
  'kfunc-module': { text: 'kfunc offset > 0 without fd_array is invalid', errno: 'EPROTO' },
  'kfunc-unknown': { text: 'kernel btf_id {id} is not a function', errno: 'EINVAL' },

  // References and locks.
  'unreleased-reference': {
    text: 'Unreleased reference id={id} alloc_insn={insn}\n{prefix} would lead to reference leak',
    errno: 'EINVAL',
    hint: 'release what insn {insn} acquired on every path to exit',
  },
  'lock-held-exit': { text: '{prefix} cannot be used inside bpf_spin_lock-ed region', errno: 'EINVAL' },
  'lock-held-call': { text: 'function calls are not allowed while holding a lock', errno: 'EINVAL' },
  'unlock-without-lock': { text: 'bpf_spin_unlock without taking a lock', errno: 'EINVAL' },
  'unlock-other': { text: 'bpf_spin_unlock of different lock', errno: 'EINVAL' },
  'lock-not-const': {
    text: "R{reg} doesn't have constant offset. {field} has to be at the constant offset",
    errno: 'EINVAL',
  },
  'lock-no-btf': { text: "map '{map}' has to have BTF in order to use {field}", errno: 'EINVAL' },
  'lock-missing': { text: "map '{map}' has no valid {field}", errno: 'EINVAL' },
  'lock-offset': { text: "off {off} doesn't point to 'struct {field}' that is at {at}", errno: 'EINVAL' },

  // Dynptrs and iterators.
  'dynptr-uninit': { text: 'Expected an initialized dynptr as arg #{arg}', errno: 'EINVAL' },
  'dynptr-data': { text: 'Unsupported reg type {type} for bpf_dynptr_from_mem data', errno: 'EACCES' },
  'dynptr-unacquired': {
    text: 'arg {reg} is an unacquired reference',
    errno: 'EINVAL',
    hint: 'only what bpf_ringbuf_reserve_dynptr gave can be submitted or discarded',
  },
  'iterator-stack': { text: 'arg#{arg} expected pointer to an iterator on stack', errno: 'EINVAL' },
  'iterator-place': { text: '{what}', errno: 'EINVAL' },
  'iterator-in-use': { text: 'expected uninitialized {type} as arg #{arg}', errno: 'EINVAL' },
  'iterator-uninit': { text: 'expected an initialized {type} as arg #{arg}', errno: 'EINVAL' },
  'dynptr-overwrite': { text: 'cannot overwrite referenced dynptr', errno: 'EINVAL' },

  // What the driver of a card refuses, in its words.
  'device-refused': { text: '{message}', errno: 'EOPNOTSUPP', hint: '{hint}' },

  // Exploration.
  'infinite-loop': {
    text: 'infinite loop detected at insn {insn}',
    errno: 'EINVAL',
    hint: 'nothing that is known of what the loop tests changes from round to round: count the rounds up to a constant',
  },
  'too-complex': {
    text: 'BPF program is too large. Processed {count} insn',
    errno: 'E2BIG',
    hint: 'split it with tail calls or global functions, or use bpf_loop for long loops',
  },
  'too-many-jumps': { text: 'The sequence of {count} jumps is too complex.', errno: 'E2BIG' },
} as const;

/** Reasons for a refusal: stable names of the rows of the message table. */
export type MessageCode = keyof typeof messages;

/** What a message is filled in with, by the names in its template. */
export type MessageValues = Readonly<Record<string, string | number | bigint>>;

/** Fills the `{name}`s of a template. */
export function fillTemplate(template: string, values: MessageValues): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}

/** The row of a code, whatever it has. */
export function messageRow(code: MessageCode): MessageRow {
  return messages[code];
}

/** The text of a refusal with its values filled in. */
export function messageText(code: MessageCode, values: MessageValues): string {
  return fillTemplate(messages[code].text, values);
}
