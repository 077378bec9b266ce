# A size that may be negative.
.license "GPL"
.section xdp
.globl prog
prog:
  r6 = r1
  call bpf_ktime_get_ns
  r2 = r0
  r1 = r10
  r1 += -8
  call bpf_get_current_comm
  r0 = 0
  exit

# $ jitnic verify arg-size-negative.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# R2 min value is negative, either use unsigned or 'var &= const'
#      5: (85) call bpf_get_current_comm#16
# known: R1=fp-8, R2=scalar(id=1)
# what led here:
#      1: (85) call bpf_ktime_get_ns#5
#      2: (bf) r2 = r0
#      3: (bf) r1 = r10
#      4: (07) r1 += -8
# hint: bound it with a comparison (or `& mask`) on every path to this access
