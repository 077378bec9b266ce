# Two frames that together take more than 512 bytes.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 304) = 0
  call fn
  r0 = 0
  exit
.type fn, @function
fn:
  *(u64 *)(r10 - 304) = 0
  r0 = 0
  exit

# $ jitnic verify stack-too-deep.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# combined stack size of 2 calls is 608. Too large
#      1: (85) call pc+2#fn
# hint: all frames of a call chain share 512 bytes
