# A field that struct bpf_sock does not have.
.license "GPL"
.section xdp
.globl prog
prog:
  r6 = r1
  *(u64 *)(r10 - 16) = 0
  *(u32 *)(r10 - 8) = 0
  r2 = r10
  r2 += -16
  r3 = 12
  r4 = -1
  r5 = 0
  call bpf_sk_lookup_tcp
  if r0 == 0 goto done
  r6 = *(u32 *)(r0 + 80)
  r1 = r0
  call bpf_sk_release
done:
  r0 = 2
  exit

# $ jitnic verify sock-access.s
# prog: rejected (11 instructions checked, 0 states saved)
#
# R0 invalid sock access off=80 size=4
#     10: (61) r6 = *(u32 *)(r0 +80)
# known: R0=sock(ref_obj_id=1)
# what led here:
#      8: (85) call bpf_sk_lookup_tcp#84
#      9: (15) if r0 == 0x0 goto pc+3  (tested)
