# A function that returns an address of its own stack.
.license "GPL"
.section xdp
.globl prog
prog:
  call fn
  r0 = 0
  exit
.type fn, @function
fn:
  r0 = r10
  exit

# $ jitnic verify call-stack-return.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# cannot return stack pointer to the caller
#      4: (95) exit
# known: R0=fp0
# what led here:
#      3: (bf) r0 = r10
