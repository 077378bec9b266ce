# An offset that no map value is long enough for.
.license "GPL"
.map one type=array key=4 value=16 max_entries=1 flags=0x0
.section xdp
.globl prog
prog:
.quad 0x0000000000002118
.quad 0x2000000000000000
  r0 = 0
  exit

# $ jitnic verify direct-value-offset.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# direct value offset of 536870912 is not allowed
#      0: (18) r1 = map[one][0]+536870912
