# A reservation that is neither submitted nor discarded.
.license "GPL"
.map ring type=ringbuf key=0 value=0 max_entries=4096 flags=0x0
.section xdp
.globl prog
prog:
  r1 = ring ll
  r2 = 8
  r3 = 0
  call bpf_ringbuf_reserve
  r0 = 0
  exit

# $ jitnic verify unreleased-reference.s
# prog: rejected (6 instructions checked, 0 states saved)
#
# Unreleased reference id=1 alloc_insn=4; BPF_EXIT instruction in main prog would lead to reference leak
#      6: (95) exit
# what led here:
#      4: (85) call bpf_ringbuf_reserve#131
# hint: release what insn 4 acquired on every path to exit
