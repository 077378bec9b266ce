# A loop of two million rounds.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 0
loop:
  r0 += 1
  if r0 < 2000000 goto loop
  exit

# $ jitnic verify too-complex.s
# prog: rejected (1,000,001 instructions checked, 25,001 states saved)
#
# BPF program is too large. Processed 1000001 insn
#      2: (a5) if r0 < 0x1e8480 goto pc-2
# known: R0=0x7a120
# what led here:
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
#      1: (07) r0 += 1
#      2: (a5) if r0 < 0x1e8480 goto pc-2  (tested)
# hint: split it with tail calls or global functions, or use bpf_loop for long loops
