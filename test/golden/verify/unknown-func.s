# A helper for other program types.
.license "GPL"
.section xdp
.globl prog
prog:
  r2 = 0
  r3 = 0
  r4 = 0
  r5 = 0
  call bpf_skb_store_bytes
  r0 = 0
  exit

# $ jitnic verify unknown-func.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# program of this type cannot use helper bpf_skb_store_bytes#9
#      4: (85) call bpf_skb_store_bytes#9
# known: R1=ctx(), R2=0, R3=0, R4=0, R5=0
# what led here:
#      0: (b7) r2 = 0
#      1: (b7) r3 = 0
#      2: (b7) r4 = 0
#      3: (b7) r5 = 0
