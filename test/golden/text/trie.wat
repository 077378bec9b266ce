;; a longest prefix match
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
    (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
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
      (i64.store offset=32 align=1
        (local.get 0)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (if  ;; label = @4
              (i32.lt_u
                (i32.sub
                  (i32.load offset=4 align=1
                    (local.get 0))
                  (local.get 3))
                (i32.const 34))
              (then
                (br 1 (;@3;)))
              (else
                (local.set 4
                  (i32.load offset=30 align=1
                    (local.get 3)))
                (local.set 5
                  (call 5
                    (i32.const 32)
                    (local.get 4)))
                (if  ;; label = @5
                  (i32.eqz
                    (local.get 5))
                  (then
                    (br 2 (;@3;)))
                  (else
                    (local.set 6
                      (i32.load align=1
                        (local.get 5)))
                    (br 3 (;@2;)
                      (i64.extend_i32_u
                        (local.get 6)))))
                (unreachable)))
            (unreachable))
          (br 0 (;@2;)
            (i64.const 2))
          (unreachable)))
      (if  ;; label = @2
        (i32.eq
          (local.tee 7
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2))
        (then
          (return)))
      (local.set 8
        (i32.load align=1
          (local.get 7)))
      (i64.store offset=32 align=1
        (local.get 7)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (if  ;; label = @4
              (i32.lt_u
                (i32.sub
                  (i32.load offset=4 align=1
                    (local.get 7))
                  (local.get 8))
                (i32.const 34))
              (then
                (br 1 (;@3;)))
              (else
                (local.set 9
                  (i32.load offset=30 align=1
                    (local.get 8)))
                (local.set 10
                  (call 5
                    (i32.const 32)
                    (local.get 9)))
                (if  ;; label = @5
                  (i32.eqz
                    (local.get 10))
                  (then
                    (br 2 (;@3;)))
                  (else
                    (local.set 11
                      (i32.load align=1
                        (local.get 10)))
                    (br 3 (;@2;)
                      (i64.extend_i32_u
                        (local.get 11)))))
                (unreachable)))
            (unreachable))
          (br 0 (;@2;)
            (i64.const 2))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 160)))
          (local.get 2)))))
  (func $match_0 (type 4) (param i32 i32) (result i32)
    (local i32 i32 i32 i32 i32)
    (if  ;; label = @1
      (i32.gt_u
        (local.get 0)
        (i32.const 32))
      (then
        (return
          (i32.const 0))))
    (local.set 1
      (i32.or
        (i32.and
          (i32.rotl
            (local.get 1)
            (i32.const 8))
          (i32.const 16711935))
        (i32.and
          (i32.rotr
            (local.get 1)
            (i32.const 8))
          (i32.const -16711936))))
    (if  ;; label = @1
      (i32.lt_u
        (local.get 0)
        (i32.const 8))
      (then
        (local.set 3
          (i32.load align=1
            (i32.const 512000))))
      (else
        (local.set 3
          (i32.load offset=520192 align=1
            (local.tee 4
              (i32.shl
                (i32.shr_u
                  (local.get 1)
                  (i32.const 24))
                (i32.const 3)))))
        (local.set 2
          (i32.load offset=520196 align=1
            (local.get 4)))))
    (block  ;; label = @1
      (loop  ;; label = @2
        (br_if 1 (;@1;)
          (i32.eqz
            (local.get 3)))
        (local.set 5
          (i32.load offset=511992 align=1
            (local.tee 4
              (i32.shl
                (local.get 3)
                (i32.const 5)))))
        (br_if 1 (;@1;)
          (i32.lt_u
            (block (result i32)  ;; label = @3
              (i32.clz
                (i32.xor
                  (i32.load offset=512000 align=1
                    (local.get 4))
                  (local.get 1))))
            (local.get 5)))
        (br_if 1 (;@1;)
          (i32.lt_u
            (local.get 0)
            (local.get 5)))
        (local.set 2
          (select
            (local.get 3)
            (local.get 2)
            (i32.eqz
              (i32.and
                (i32.load offset=511996 align=1
                  (local.get 4))
                (i32.const 1)))))
        (if  ;; label = @3
          (i32.lt_s
            (i32.shl
              (local.get 1)
              (local.get 5))
            (i32.const 0))
          (then
            (local.set 3
              (i32.load offset=511988 align=1
                (local.get 4)))
            (br 1 (;@2;)))
          (else
            (local.set 3
              (i32.load offset=511984 align=1
                (local.get 4)))
            (br 1 (;@2;))))))
    (if  ;; label = @1
      (i32.eqz
        (local.get 2))
      (then
        (return
          (i32.const 0))))
    (i32.add
      (i32.mul
        (i32.sub
          (local.get 2)
          (i32.const 1))
        (i32.const 8))
      (i32.const 528384)))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
