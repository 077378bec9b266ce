# r10 is the frame pointer.
.license "GPL"
.section xdp
.globl prog
prog:
  r10 += -8
  r0 = 0
  exit

# $ jitnic verify frame-pointer-write.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# frame pointer is read only
#      0: (07) r10 += -8
# hint: R10 is the frame pointer: copy it to another register first
