# An index that no comparison bounds.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  call bpf_ktime_get_ns
  r6 = r0
  r6 >>= 1
  *(u32 *)(r10 - 4) = 1
  r2 = r10
  r2 += -4
  r1 = hash ll
  call bpf_map_lookup_elem
  if r0 == 0 goto done
  r0 += r6
  r0 = *(u8 *)(r0 + 0)
done:
  r0 = 2
  exit

# $ jitnic verify unbounded-access.s
# prog: rejected (11 instructions checked, 1 states saved)
#
# R0 unbounded memory access, make sure to bounds check any such access
#     11: (71) r0 = *(u8 *)(r0 +0)
# known: R0=map_value(map=hash,ks=4,vs=16,smin=0,umax=0x7fffffffffffffff,var_off=(0x0; 0x7fffffffffffffff))
# what led here:
#      0: (85) call bpf_ktime_get_ns#5
#      1: (bf) r6 = r0
#      2: (77) r6 >>= 1
#      8: (85) call bpf_map_lookup_elem#1
#      9: (15) if r0 == 0x0 goto pc+2  (tested)
#     10: (0f) r0 += r6
# hint: bound it with a comparison (or `& mask`) on every path to this access
