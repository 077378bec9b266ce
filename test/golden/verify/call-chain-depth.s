# Nine functions in a chain are refused although no path goes down it.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = 2
  if r0 == 2 goto +1
  call f1
  exit
.type f1, @function
f1:
  call f2
  exit
.type f2, @function
f2:
  call f3
  exit
.type f3, @function
f3:
  call f4
  exit
.type f4, @function
f4:
  call f5
  exit
.type f5, @function
f5:
  call f6
  exit
.type f6, @function
f6:
  call f7
  exit
.type f7, @function
f7:
  call f8
  exit
.type f8, @function
f8:
  r0 = 0
  exit

# $ jitnic verify call-chain-depth.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# the call stack of 8 frames is too deep !
#     16: (85) call pc+1#f8
# hint: at most 8 frames; inline a function
