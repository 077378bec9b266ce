# A kernel variable that no symbol names.
.license "GPL"
.section xdp
.globl prog
prog:
.quad 0x7fffffff00003118
.quad 0x0
  r0 = 0
  exit

# $ jitnic verify ksym-unknown.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# ldimm64 insn specifies invalid btf_id 2147483647.
#      0: (18) r1 = 0x7fffffff
