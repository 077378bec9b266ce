# A mistake in the verifier of Linux 6.18, as small as the fuzzer got it (seed 7004909 of a generator that fetches from the stack).
#
# Where the receive queue is 0, the word on the stack is 0, the fetched number is 0 and the program returns 1. The verifier walks the other
# way first: there the word is 1, it takes the fetched r4 for the known number 1 and the branch on it for decided. That makes r4 precise, but
# the marking goes from the atomic back to the register added, not to the stack slot read ("regs=r4 stack=" before both). So the slot
# counts as not needed, the state with 0 in it is pruned as safe, and the branch, in which nobody was seen to go on, is removed:
#
#     10: (c3) r4 = atomic_fetch_add((u32 *)(r10 -8), r4)   ; R4=1 R10=fp0 fp-8=mmmmmmmm
#     12: (45) if r4 & 0x1 goto pc+1
#     mark_precise: frame0: regs=r4 stack= before 10: (c3) r4 = atomic_fetch_add((u32 *)(r10 -8), r4)
#     mark_precise: frame0: regs=r4 stack= before 9: (b4) w4 = 0
#     from 7 to 9: safe
#
# What runs then (`bpftool prog dump xlated`) ends in `r0 = 0; exit`, and gives 0 for every packet.
	.license "GPL"

	.section xdp
	.globl main
main:
	*(u64 *)(r10 - 0x8) = 0x0
	r2 = 0x0
	r3 = 0x0
	r4 = 0x0
	w1 = *(u32 *)(r1 + 0x10)
	if r1 == 0x5 goto LBB0_0	# this and the numbers above are there so that the verifier saves a state
	r2 = 0x1
LBB0_0:
	if r1 == 0x0 goto LBB0_1
	*(u64 *)(r10 - 0x8) = 0x1
LBB0_1:
	w4 = 0x0
	w4 = atomic_fetch_add((u32 *)(r10 - 0x8), w4)
	r0 = 0x0
	if r4 & 0x1 goto LBB0_2
	r0 = 0x1
LBB0_2:
	exit
