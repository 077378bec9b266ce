;; a packet that grows, and the context after it
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (type (;4;) (func (param i32 i32) (result i32)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 2) (param i32 i32)
    (local i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)
    (if  ;; label = @1
      (i32.eqz
        (local.get 1))
      (then
        (return)))
    (local.set 2
      (i32.add
        (local.get 0)
        (i32.mul
          (local.get 1)
          (i32.const 80))))
    (loop  ;; label = @1
      (local.set 3
        (i32.load align=1
          (local.get 0)))
      (local.set 4
        (i32.load offset=4 align=1
          (local.get 0)))
      (local.set 5
        (i32.load offset=8 align=1
          (local.get 0)))
      (i64.store offset=32 align=1
        (local.get 0)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (local.set 6
              (i64.extend_i32_s
                (call 5
                  (local.get 0)
                  (i32.const -4))))
            (if  ;; label = @4
              (i64.eqz
                (local.get 6))
              (then
                (local.set 7
                  (i32.load align=1
                    (local.get 0)))
                (local.set 8
                  (i32.load offset=4 align=1
                    (local.get 0)))
                (if  ;; label = @5
                  (i32.lt_u
                    (local.get 8)
                    (i32.add
                      (local.get 7)
                      (i32.const 18)))
                  (then
                    (local.set 9
                      (i32.const 1))
                    (br 2 (;@3;)))
                  (else
                    (i32.store align=1
                      (local.get 7)
                      (i32.const 0))
                    (local.set 9
                      (i32.const 3))
                    (br 2 (;@3;))))
                (unreachable))
              (else
                (local.set 9
                  (i32.const 1))
                (br 1 (;@3;))))
            (unreachable))
          (br 0 (;@2;)
            (i64.extend_i32_u
              (local.get 9)))
          (unreachable)))
      (if  ;; label = @2
        (i32.eq
          (local.tee 10
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2))
        (then
          (return)))
      (local.set 11
        (i32.load align=1
          (local.get 10)))
      (local.set 12
        (i32.load offset=4 align=1
          (local.get 10)))
      (local.set 13
        (i32.load offset=8 align=1
          (local.get 10)))
      (i64.store offset=32 align=1
        (local.get 10)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (local.set 14
              (i64.extend_i32_s
                (call 5
                  (local.get 10)
                  (i32.const -4))))
            (if  ;; label = @4
              (i64.eqz
                (local.get 14))
              (then
                (local.set 15
                  (i32.load align=1
                    (local.get 10)))
                (local.set 16
                  (i32.load offset=4 align=1
                    (local.get 10)))
                (if  ;; label = @5
                  (i32.lt_u
                    (local.get 16)
                    (i32.add
                      (local.get 15)
                      (i32.const 18)))
                  (then
                    (local.set 17
                      (i32.const 1))
                    (br 2 (;@3;)))
                  (else
                    (i32.store align=1
                      (local.get 15)
                      (i32.const 0))
                    (local.set 17
                      (i32.const 3))
                    (br 2 (;@3;))))
                (unreachable))
              (else
                (local.set 17
                  (i32.const 1))
                (br 1 (;@3;))))
            (unreachable))
          (br 0 (;@2;)
            (i64.extend_i32_u
              (local.get 17)))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 160)))
          (local.get 2)))))
  (func $adjust_head (type 4) (param i32 i32) (result i32)
    (local i64 i64 i64 i64 i64 i64)
    (local.set 2
      (i64.load32_u align=1
        (local.get 0)))
    (local.set 3
      (i64.load32_u offset=4 align=1
        (local.get 0)))
    (local.set 4
      (i64.load32_u offset=8 align=1
        (local.get 0)))
    (local.set 5
      (i64.load32_u offset=40 align=1
        (local.get 0)))
    (local.set 6
      (i64.add
        (local.get 2)
        (i64.extend_i32_s
          (local.get 1))))
    (local.set 7
      (i64.sub
        (local.get 2)
        (local.get 4)))
    (if  ;; label = @1
      (i32.or
        (i64.lt_s
          (local.get 6)
          (i64.add
            (i64.add
              (local.get 5)
              (i64.const 40))
            (local.get 7)))
        (i64.gt_s
          (local.get 6)
          (i64.sub
            (local.get 3)
            (i64.const 14))))
      (then
        (return
          (i32.const -22))))
    (if  ;; label = @1
      (i32.eqz
        (i64.eqz
          (local.get 7)))
      (then
        (memory.copy
          (i32.wrap_i64
            (i64.add
              (local.get 4)
              (i64.extend_i32_s
                (local.get 1))))
          (i32.wrap_i64
            (local.get 4))
          (i32.wrap_i64
            (local.get 7)))))
    (i32.store align=1
      (local.get 0)
      (i32.wrap_i64
        (local.get 6)))
    (i32.store offset=8 align=1
      (local.get 0)
      (i32.wrap_i64
        (i64.sub
          (local.get 6)
          (local.get 7))))
    (i32.const 0))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
