	.license "GPL"

	.map flows type=lru_hash key=8 value=16 max_entries=1024 flags=0x0

	.map jumps type=prog_array key=4 value=4 max_entries=2 flags=0x0
	.values programs
	.slot 1, second

	.section .rodata
	.ascii "hello"
	.byte 0x0, 0x7, 0x0, 0x0, 0x0

	.section .bss
	.zero 8

	.section .text
	.type twice, @function
twice:
      15:	r0 = r1
      16:	r0 += r1
      17:	exit

	.section xdp
	.globl first
first:
       0:	*(u64 *)(r10 - 0x8) = 0x0
       1:	r2 = r10
       2:	r2 += -0x8
       3:	r1 = flows ll
       5:	call 0x1	# bpf_map_lookup_elem
       6:	if r0 == 0x0 goto +0x3 <LBB0_10>
       7:	r1 = 0x123456789abcdef0 ll
       9:	lock *(u64 *)(r0 + 0x0) += r1
LBB0_10:
      10:	r1 = .rodata + 0x6 ll
      12:	w1 = *(u32 *)(r1 + 0x0)
      13:	call twice
      14:	exit

	.section xdp/second
	.globl second
second:
       0:	r0 = 0x2
       1:	exit

# type information (BTF) in base64
