# One load through the context on one path, through the stack on another.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 0
  r2 = *(u32 *)(r1 + 12)
  if r2 == 0 goto read
  r1 = r10
  r1 += -4
read:
  r0 = *(u32 *)(r1 + 0)
  r0 = 0
  exit

# $ jitnic verify mixed-pointers.s
# prog: rejected (9 instructions checked, 1 states saved)
#
# same insn cannot be used with different pointers
#      5: (61) r0 = *(u32 *)(r1 +0)
# known: R1=ctx()
