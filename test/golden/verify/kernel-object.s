# What a helper returns of the kernel's: its layout is one kernel build's.
.license "GPL"
.section xdp
.globl prog
prog:
  call get_current_task_btf
  r0 = *(u32 *)(r0 + 24)
  r0 = 0
  exit

# $ jitnic verify kernel-object.s
# prog: rejected (2 instructions checked, 0 states saved)
#
# access to a kernel object at offset 24 is not supported
#      1: (61) r0 = *(u32 *)(r0 +24)
# known: R0=ptr_()
# what led here:
#      0: (85) call bpf_get_current_task_btf#158
# hint: its layout is that of one kernel build: leave it to helpers, or to a program that is loaded there
