# Only perf event arrays hold counters to read.
.license "GPL"
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.section xdp
.globl prog
prog:
  r1 = hash ll
  r2 = 0
  call bpf_perf_event_read
  r0 = 2
  exit

# $ jitnic verify map-helper-mismatch.perf.s
# prog: rejected (3 instructions checked, 0 states saved)
#
# cannot pass map_type 1 into func bpf_perf_event_read#22
#      3: (85) call bpf_perf_event_read#22
# known: R1=map_ptr(map=hash,ks=4,vs=16), R2=0
# what led here:
#      0: (18) r1 = map[hash]
#      2: (b7) r2 = 0
