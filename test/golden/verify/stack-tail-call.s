# A tail call in a function whose callers already take 256 bytes.
.license "GPL"
.map progs type=prog_array key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 304) = 0
  call fn
  r0 = 0
  exit
.type fn, @function
fn:
  *(u64 *)(r10 - 8) = r1
  r2 = progs ll
  r3 = 0
  call bpf_tail_call
  r0 = 0
  exit

# $ jitnic verify stack-tail-call.s
# prog: rejected (12 instructions checked, 1 states saved)
#
# tail_calls are not allowed when call stack of previous frames is 304 bytes. Too large
#      1: (85) call pc+2#fn
