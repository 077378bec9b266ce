# A number of which nothing is known, added to the frame pointer.
.license "GPL"
.section xdp
.globl prog
prog:
  call bpf_ktime_get_ns
  r2 = r10
  r2 += r0
  r0 = 0
  exit

# $ jitnic verify unbounded-offset.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# math between fp pointer and register with unbounded min value is not allowed
#      2: (0f) r2 += r0
# known: R0=scalar(), R2=fp0
# what led here:
#      0: (85) call bpf_ktime_get_ns#5
#      1: (bf) r2 = r10
# hint: bound it with a comparison (or `& mask`) on every path to this access
