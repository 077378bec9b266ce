# A lock is found by the type of the value, and this map has none.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = hash ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r1 = r0
  call bpf_spin_lock
done:
  r0 = 2
  exit

# $ jitnic verify lock-no-btf.s
# prog: rejected (8 instructions checked, 0 states saved)
#
# map 'hash' has to have BTF in order to use bpf_spin_lock
#      8: (85) call bpf_spin_lock#93
# known: R1=map_value(map=hash,ks=4,vs=16)
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
#      6: (15) if r0 == 0x0 goto pc+2  (tested)
#      7: (bf) r1 = r0
