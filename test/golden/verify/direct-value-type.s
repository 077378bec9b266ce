# The address of a value of a hash: only arrays have fixed ones.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
.quad 0x0000000000002118
.quad 0x0000000000000000
  r0 = 0
  exit

# $ jitnic verify direct-value-type.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# no direct value access support for this map type
#      0: (18) r1 = map[hash][0]+0
