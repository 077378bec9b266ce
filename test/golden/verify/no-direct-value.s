# The address of a value past the end of its map.
.license "GPL"
.map one type=array key=4 value=16 max_entries=1 flags=0x0
.section xdp
.globl prog
prog:
.quad 0x0000000000002118
.quad 0x0000001000000000
  r0 = 0
  exit

# $ jitnic verify no-direct-value.s
# prog: rejected (0 instructions checked, 0 states saved)
#
# invalid access to map value pointer, value_size=16 off=16
#      0: (18) r1 = map[one][0]+16
