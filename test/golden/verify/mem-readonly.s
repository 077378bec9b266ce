# A socket is not for writing.
.license "GPL"
.map socks type=xskmap key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = socks ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  *(u32 *)(r0 + 0) = 1
done:
  r0 = 2
  exit

# $ jitnic verify mem-readonly.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# R0 cannot write into xdp_sock
#      7: (62) *(u32 *)(r0 +0) = 1
# known: R0=xdp_sock()
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+1  (tested)
