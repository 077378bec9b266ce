# A look-up in a map of sockets holds what it finds.
.license "GPL"
.map socks type=sockmap key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = socks ll
  call bpf_map_lookup_elem
  r0 = 2
  exit

# $ jitnic verify unreleased-reference.socket.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# Unreleased reference id=1 alloc_insn=5; BPF_EXIT instruction in main prog would lead to reference leak
#      7: (95) exit
# what led here:
#      5: (85) call bpf_map_lookup_elem#1
# hint: release what insn 5 acquired on every path to exit
