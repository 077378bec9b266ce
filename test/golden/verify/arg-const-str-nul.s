# A string without an end.
.license "GPL"
.section .rodata
words:
.ascii "abcdefgh"
.section xdp
.globl prog
prog:
  r1 = r10
  r1 += -8
  *(u64 *)(r10 - 8) = 0
  r2 = 8
  r3 = words ll
  call bpf_strncmp
  r0 = 0
  exit

# $ jitnic verify arg-const-str-nul.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# string is not zero-terminated
#      6: (85) call bpf_strncmp#182
# known: R1=fp-8, R2=8, R3=map_value(map=arg_cons.rodata,ks=4,vs=8)
# what led here:
#      0: (bf) r1 = r10
#      1: (07) r1 += -8
#      3: (b7) r2 = 8
#      4: (18) r3 = map[arg_cons.rodata][0]+0
