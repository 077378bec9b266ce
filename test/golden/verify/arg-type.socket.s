# What a map of sockets takes are sockets.
.license "GPL"
.map socks type=sockmap key=4 value=4 max_entries=4 flags=0x0
.section xdp
.globl prog
prog:
  *(u64 *)(r10 - 8) = 0
  r2 = r10
  r2 += -8
  r3 = r2
  r1 = socks ll
  r4 = 0
  call bpf_map_update_elem
  r0 = 2
  exit

# $ jitnic verify arg-type.socket.s
# prog: rejected (7 instructions checked, 0 states saved)
#
# R3 type=fp expected=sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_
#      7: (85) call bpf_map_update_elem#2
# known: R1=map_ptr(map=socks,ks=4,vs=4), R2=fp-8, R3=fp-8, R4=0
# what led here:
#      1: (bf) r2 = r10
#      2: (07) r2 += -8
#      3: (bf) r3 = r2
#      4: (18) r1 = map[socks]
#      6: (b7) r4 = 0
