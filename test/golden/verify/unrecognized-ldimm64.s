# A 64-bit load of a kind that does not exist.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000000009018
.quad 0x0
  r0 = 0
  exit

# $ jitnic verify unrecognized-ldimm64.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# unrecognized bpf_ld_imm64 insn
#      0: BUG_ld_18
