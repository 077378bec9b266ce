# A number that is surely too large.
.license "GPL"
.section xdp
.globl prog
prog:
  call bpf_ktime_get_ns
  r0 |= 0x20000000
  r0 &= 0x3fffffff
  r2 = r10
  r2 += r0
  r0 = 0
  exit

# $ jitnic verify offset-out-of-bounds.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# value 536870912 makes fp pointer be out of bounds
#      4: (0f) r2 += r0
# known: R0=scalar(smin=umin=smin32=umin32=0x20000000,smax=umax=smax32=umax32=0x3fffffff,var_off=(0x20000000; 0x1fffffff)), R2=fp0
# what led here:
#      0: (85) call bpf_ktime_get_ns#5
#      1: (47) r0 |= 536870912
#      2: (57) r0 &= 1073741823
#      3: (bf) r2 = r10
# hint: bound it with a comparison (or `& mask`) on every path to this access
