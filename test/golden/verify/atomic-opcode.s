# An atomic operation that does not exist.
.license "GPL"
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = 0
  r2 = 1
.quad 0x000000c1fff82adb
  r0 = 0
  exit

# $ jitnic verify atomic-opcode.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# BPF_ATOMIC uses invalid atomic opcode c1
#      2: BUG_db
# known: R2=1
# what led here:
#      1: (b7) r2 = 1
