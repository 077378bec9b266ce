# Refused by jitnic on purpose.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 0
again:
  may_goto done
  r0 += 1
  goto again
done:
  exit

# $ jitnic verify may-goto.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# may_goto is not supported
#      1: (e5) may_goto pc+2
# hint: jitnic refuses may_goto on purpose: its loop count is not defined by the program; use a bounded loop or bpf_loop
