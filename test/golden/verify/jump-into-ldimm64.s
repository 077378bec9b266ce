# A jump between the halves of a 64-bit load.
.license "GPL"
.section xdp
.globl prog
prog:
  r6 = *(u32 *)(r1 + 12)
  if r6 == 0 goto +1
  r0 = 0x123456789 ll
  exit

# $ jitnic verify jump-into-ldimm64.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# jump into the middle of ldimm64 insn 2
#      2: (18) r0 = 0x123456789
