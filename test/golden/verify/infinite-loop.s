# A loop whose test never changes.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 0
  r6 = *(u32 *)(r1 + 12)
loop:
  if r6 == 0 goto out
  goto loop
out:
  exit

# $ jitnic verify infinite-loop.s
# prog: rejected (11 instructions checked, 1 states saved)
#
# infinite loop detected at insn 2
#      2: (15) if r6 == 0x0 goto pc+1
# known: R6=scalar(smin=umin=umin32=1,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
# what led here:
#      1: (61) r6 = *(u32 *)(r1 +12)
#      2: (15) if r6 == 0x0 goto pc+1  (tested)
#      2: (15) if r6 == 0x0 goto pc+1  (tested)
#      2: (15) if r6 == 0x0 goto pc+1  (tested)
#      2: (15) if r6 == 0x0 goto pc+1  (tested)
# hint: nothing that is known of what the loop tests changes from round to round: count the rounds up to a constant
