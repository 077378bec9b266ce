/**
 * The way out of Node: `syscall(2)` through koffi, an optional dependency. Everything here fails with one sentence
 * that says what is missing, so that the rest of jitnic never has to guess.
 *
 * Buffers that the kernel reads or writes come from `malloc` ({@link NativeBuffer}): their address never moves, which
 * no garbage-collected buffer promises.
 */
import { createRequire } from 'node:module';
import { InputError, UnsupportedError } from '../base/index.js';

/** Koffi's own; only it looks inside. */
type Pointer = unknown;

/** As much of the package as is used, so that it need not be installed to compile this. */
interface Koffi {
  load(path: string | null): { func(signature: string): (...args: unknown[]) => number };
  alloc(type: string, length: number): Pointer;
  free(pointer: Pointer): void;
  address(pointer: Pointer): bigint;
  view(pointer: Pointer | bigint, length: number): ArrayBuffer;
  errno(): number;
}

/** Numbers of system calls that differ between architectures. */
const syscallNumbers = {
  x64: { bpf: 321, schedSetaffinity: 203, socket: 41, sendto: 44, recvfrom: 45 },
  arm64: { bpf: 280, schedSetaffinity: 122, socket: 198, sendto: 206, recvfrom: 207 },
} as const;

/** Memory at a fixed address. Freed with `free()` or at exit. */
export interface NativeBuffer {
  readonly address: bigint;
  readonly u8: Uint8Array;
  readonly view: DataView;
  free(): void;
}

/** The few functions of libc that are called. */
export interface Native {
  readonly numbers: (typeof syscallNumbers)[keyof typeof syscallNumbers];
  /** Result of syscall(2), or the negated errno. Pointers are passed as addresses. */
  syscall(number: number, ...args: (number | bigint)[]): number;
  close(fd: number): void;
  /** mmap(2) of `length` bytes of `fd`; throws InputError with the errno when it fails. */
  map(fd: number, length: number, writable: boolean, offset: number): NativeBuffer;
  allocate(length: number): NativeBuffer;
}

let cached: Native | undefined;

/** Loads koffi and libc. Throws UnsupportedError when either is missing or this is not Linux on x86-64 or arm64. */
export function openNative(): Native {
  cached ??= load();
  return cached;
}

/** Opens libc and binds `syscall`, malloc's buffers and errno. Throws UnsupportedError with what is missing. */
function load(): Native {
  if (process.platform !== 'linux') {
    throw new UnsupportedError(
      `the kernel engine needs Linux and this is ${process.platform}`,
      {},
      'use `--engine interp`, which runs everywhere',
    );
  }
  const numbers = (syscallNumbers as Record<string, Native['numbers'] | undefined>)[process.arch];
  if (numbers === undefined) {
    throw new UnsupportedError(`the kernel engine knows the system calls of x86-64 and arm64, not of ${process.arch}`);
  }
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch {
    throw new UnsupportedError(
      'the kernel engine needs the optional package `koffi`, which is not installed',
      {},
      'run `npm install koffi`',
    );
  }
  const libc = koffi.load(null);
  const syscall = libc.func('long syscall(long, long, long, long, long, long, long)');
  const close = libc.func('int close(int)');
  const mmap = libc.func('intptr_t mmap(void *, size_t, int, int, int, long)');
  const munmap = libc.func('int munmap(intptr_t, size_t)');

  const buffer = (pointer: Pointer | bigint, address: bigint, length: number, free: () => void): NativeBuffer => {
    const bytes = koffi.view(pointer, length);
    return { address, u8: new Uint8Array(bytes), view: new DataView(bytes), free };
  };

  return {
    numbers,
    syscall(number, ...args) {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
      const result = syscall(number, a, b, c, d, e, f);
      return result < 0 ? -koffi.errno() : Number(result);
    },
    close(fd) {
      close(fd);
    },
    map(fd, length, writable, offset) {
      const address = mmap(null, length, writable ? 3 : 1, 1, fd, offset);
      if (address === -1) throw new InputError(`mmap of ${length} bytes failed with errno ${koffi.errno()}`);
      const at = BigInt(address);
      return buffer(at, at, length, () => munmap(address, length));
    },
    allocate(length) {
      const pointer = koffi.alloc('uint8_t', length);
      const made = buffer(pointer, koffi.address(pointer), length, () => koffi.free(pointer));
      made.u8.fill(0);
      return made;
    },
  };
}
