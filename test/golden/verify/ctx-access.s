# A narrow load from the context.
.license "GPL"
.section xdp
.globl prog
prog:
  r0 = *(u16 *)(r1 + 0)
  exit

# $ jitnic verify ctx-access.s
# prog: rejected (1 instructions checked, 0 states saved)
#
# invalid bpf_context access off=0 size=2
#      0: (69) r0 = *(u16 *)(r1 +0)
# known: R1=ctx()
# hint: struct xdp_md has six 32-bit fields, readable whole, never writable
