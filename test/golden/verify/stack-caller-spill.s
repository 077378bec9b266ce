# A function leaves an address of its own stack in its caller's.
.license "GPL"
.section xdp
.globl prog
prog:
  r1 = r10
  r1 += -8
  call fn
  r0 = 0
  exit
.type fn, @function
fn:
  r2 = r10
  *(u64 *)(r1 + 0) = r2
  r0 = 0
  exit

# $ jitnic verify stack-caller-spill.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# cannot spill pointers to stack into stack frame of the caller
#      6: (7b) *(u64 *)(r1 +0) = r2
# known: R1=fp[0]-8, R2=fp0
# what led here:
#      2: (85) call pc+2#fn
#      5: (bf) r2 = r10
