# A packet load as in classic BPF.
.license "GPL"
.section xdp
.globl prog
prog:
  r6 = r1
  r0 = *(u16 *)skb[12]
  exit

# $ jitnic verify ld-abs.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# BPF_LD_[ABS|IND] instructions not allowed for this program type
#      1: (28) r0 = *(u16 *)skb[12]
# known: R6=ctx()
# what led here:
#      0: (bf) r6 = r1
# hint: legacy packet loads are for socket filters; read the packet through ctx->data
