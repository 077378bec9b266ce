# A 64-bit load whose second half is another instruction.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x0000000000000018
  r0 = 0
  exit

# $ jitnic verify invalid-ld_imm64-insn.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# invalid bpf_ld_imm64 insn
#      0: (18) r0 = 0x0
