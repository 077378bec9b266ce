# A reservation given back through a moved pointer.
.license "GPL"
.map ring type=ringbuf key=0 value=0 max_entries=4096 flags=0x0
.section xdp
.globl prog
prog:
  r1 = ring ll
  r2 = 8
  r3 = 0
  call bpf_ringbuf_reserve
  if r0 == 0 goto done
  r1 = r0
  r1 += 4
  r2 = 0
  call bpf_ringbuf_submit
done:
  r0 = 2
  exit

# $ jitnic verify arg-offset.s
# prog: rejected (9 instructions checked, 0 states saved)
#
# R1 must have zero offset when passed to release func or trusted arg to kfunc
#      9: (85) call bpf_ringbuf_submit#132
# known: R1=ringbuf_mem(ref_obj_id=1,off=4,sz=8), R2=0
# what led here:
#      4: (85) call bpf_ringbuf_reserve#131
#      5: (15) if r0 == 0x0 goto pc+4  (tested)
#      6: (bf) r1 = r0
#      7: (07) r1 += 4
#      8: (b7) r2 = 0
