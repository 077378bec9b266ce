# A helper that writes does not write to the packet.
.license "GPL"
.map queue type=queue key=0 value=8 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  r2 = *(u32 *)(r1 + 0)
  r3 = *(u32 *)(r1 + 4)
  r4 = r2
  r4 += 8
  if r4 > r3 goto done
  r1 = queue ll
  call bpf_map_pop_elem
done:
  r0 = 2
  exit

# $ jitnic verify arg-packet-helper.out.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# helper access to the packet is not allowed
#      7: (85) call bpf_map_pop_elem#88
# known: R1=map_ptr(map=queue,ks=0,vs=8), R2=pkt(r=8)
# what led here:
#      0: (61) r2 = *(u32 *)(r1 +0)
#      5: (18) r1 = map[queue]
