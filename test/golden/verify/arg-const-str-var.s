# A string at a computed place.
.license "GPL"
.section .rodata
words:
.asciz "abcdefgh"
.section xdp
.globl prog
prog:
  r4 = *(u32 *)(r1 + 12)
  r4 &= 1
  r1 = r10
  r1 += -8
  *(u64 *)(r10 - 8) = 0
  r2 = 8
  r3 = words ll
  r3 += r4
  call bpf_strncmp
  r0 = 0
  exit

# $ jitnic verify arg-const-str-var.s
# prog: rejected (9 instructions checked, 0 states saved)
#
# R3 is not a constant address
#      9: (85) call bpf_strncmp#182
# known: R1=fp-8, R2=8, R3=map_value(map=arg_cons.rodata,ks=4,vs=9,smin=smin32=0,smax=umax=smax32=umax32=1,var_off=(0x0; 0x1))
# what led here:
#      0: (61) r4 = *(u32 *)(r1 +12)
#      1: (57) r4 &= 1
#      2: (bf) r1 = r10
#      3: (07) r1 += -8
#      5: (b7) r2 = 8
#      6: (18) r3 = map[arg_cons.rodata][0]+0
#      8: (0f) r3 += r4
