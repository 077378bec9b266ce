# A helper that is only for GPL programs.
.license "Proprietary"
.section xdp
.globl prog
prog:
  r1 = r10
  r1 += -8
  *(u64 *)(r10 - 8) = 0
  r2 = 8
  call bpf_trace_printk
  r0 = 0
  exit

# $ jitnic verify helper-gpl.s
# prog: rejected (5 instructions checked, 0 states saved)
#
# cannot call GPL-restricted function from non-GPL compatible program
#      4: (85) call bpf_trace_printk#6
# known: R1=fp-8, R2=8
# what led here:
#      0: (bf) r1 = r10
#      1: (07) r1 += -8
#      3: (b7) r2 = 8
# hint: declare `char _license[] SEC("license") = "GPL";`
