# A store above the frame.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 + 0) = 1
  r0 = 0
  exit

# $ jitnic verify stack-out-of-bounds.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# invalid write to stack R10 off=0 size=8
#      0: (7a) *(u64 *)(r10 +0) = 1
# hint: the stack is the 512 bytes below R10
