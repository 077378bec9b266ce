# A function that calls itself.
.license "GPL"
.section xdp
.globl prog
prog:
  call fn
  r0 = 0
  exit
.type fn, @function
fn:
  call fn
  exit

# $ jitnic verify call-depth.s
# prog: rejected (8 instructions checked, 1 states saved)
#
# the call stack of 9 frames is too deep
#      3: (85) call pc-1#fn
# known: R1=ctx()
# what led here:
#      3: (85) call pc-1#fn
# hint: at most 8 frames; inline a function
