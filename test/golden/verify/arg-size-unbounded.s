# A size that no comparison bounds.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r2 |= 1
  r1 = r10
  r1 += -8
  call bpf_get_current_comm
  r0 = 0
  exit

# $ jitnic verify arg-size-unbounded.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# R2 unbounded memory access, use 'var &= const' or 'if (var < const)'
#      4: (85) call bpf_get_current_comm#16
# known: R1=fp-8, R2=scalar(smin=umin=umin32=1,smax=umax=0xffffffff,smin32=0x80000001,var_off=(0x1; 0xfffffffe))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (47) r2 |= 1
#      2: (bf) r1 = r10
#      3: (07) r1 += -8
# hint: bound it with a comparison (or `& mask`) on every path to this access
