# A socket that is not held cannot be given back.
.license "GPL"
.map socks type=xskmap key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  r6 = r1
  r2 = r10
  *(u64 *)(r10 - 8) = 0
  r1 = socks ll
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r1 = r0
  call bpf_sk_release
done:
  r0 = 2
  exit

# $ jitnic verify arg-ref-required.s
# prog: rejected (11 instructions checked, 0 states saved)
#
# R1 must be referenced when passed to release function
#     11: (85) call bpf_sk_release#86
# known: R1=xdp_sock()
# what led here:
#      8: (85) call bpf_map_lookup_elem#1
#      9: (15) if r0 == 0x0 goto pc+2  (tested)
#     10: (bf) r1 = r0
