# A size that may be zero.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 12)
  r2 &= 7
  r1 = r10
  r1 += -8
  call bpf_get_current_comm
  r0 = 0
  exit

# $ jitnic verify arg-size-zero.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# R2 invalid zero-sized read: u64=[0,7]
#      4: (85) call bpf_get_current_comm#16
# known: R1=fp-8, R2=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +12)
#      1: (57) r2 &= 7
#      2: (bf) r1 = r10
#      3: (07) r1 += -8
# hint: make sure that the size is at least 1
