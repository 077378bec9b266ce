# A copy that was made by adding does not hold the reference.
	.license "GPL"
	.extern bpf_xdp_ct_lookup
	.extern bpf_ct_change_timeout
	.extern bpf_ct_release
	.section xdp
	.globl prog
prog:
	r2 = r10
	r2 += -16
	*(u64 *)(r10 - 16) = 0
	*(u64 *)(r10 - 8) = 0
	r3 = 12
	r4 = r10
	r4 += -32
	*(u64 *)(r10 - 32) = 0
	*(u64 *)(r10 - 24) = 6
	r5 = 12
	call bpf_xdp_ct_lookup
	if r0 == 0 goto out
	r6 = r0
	r1 = 0
	r1 += r0
	r2 = 1000
	call bpf_ct_change_timeout
	r1 = r6
	call bpf_ct_release
out:
	r0 = 2
	exit

# $ jitnic verify kfunc-arg-untrusted.s
# prog: rejected (17 instructions checked, 0 states saved)
#
# R1 must be referenced or trusted
#     16: (85) call bpf_ct_change_timeout#1
# known: R1=ptr_nf_conn(), R2=1000
# what led here:
#     10: (85) call bpf_xdp_ct_lookup#0
#     11: (15) if r0 == 0x0 goto pc+7  (tested)
#     13: (b7) r1 = 0
#     14: (0f) r1 += r0
#     15: (b7) r2 = 1000
