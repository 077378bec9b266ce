;; division by what may be 0, a shift by what may be 64
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 2) (param i32 i32)
    (local i32 i32 i64 i32 i64 i64 i32 i32 i64 i64 i32 i32 i32 i32 i64 i32 i64 i64 i32 i32 i64 i64 i32 i32)
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
                (i32.const 32))
              (then
                (local.set 4
                  (i64.const 2))
                (br 1 (;@3;)))
              (else
                (local.set 6
                  (i64.load align=1
                    (local.tee 5
                      (local.get 3))))
                (local.set 7
                  (i64.load offset=8 align=1
                    (local.get 5)))
                (local.set 8
                  (i32.load offset=16 align=1
                    (local.get 5)))
                (local.set 9
                  (i32.load offset=20 align=1
                    (local.get 5)))
                (local.get 6)
                (local.set 11
                  (local.get 7))
                (local.set 10)
                (if (result i64)  ;; label = @5
                  (i64.eqz
                    (local.get 11))
                  (then
                    (i64.const 0))
                  (else
                    (i64.div_u
                      (local.get 10)
                      (local.get 11))))
                (local.get 9)
                (local.set 13
                  (local.get 8))
                (local.set 12)
                (i64.extend_i32_u
                  (i32.and
                    (if (result i32)  ;; label = @5
                      (i32.eqz
                        (local.get 13))
                      (then
                        (local.get 12))
                      (else
                        (i32.rem_s
                          (local.get 12)
                          (local.get 13))))
                    (i32.const 63)))
                (local.set 4
                  (i64.shl))
                (br 1 (;@3;))))
            (unreachable))
          (br 0 (;@2;)
            (local.get 4))
          (unreachable)))
      (if  ;; label = @2
        (i32.eq
          (local.tee 14
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2))
        (then
          (return)))
      (local.set 15
        (i32.load align=1
          (local.get 14)))
      (i64.store offset=32 align=1
        (local.get 14)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (if  ;; label = @4
              (i32.lt_u
                (i32.sub
                  (i32.load offset=4 align=1
                    (local.get 14))
                  (local.get 15))
                (i32.const 32))
              (then
                (local.set 16
                  (i64.const 2))
                (br 1 (;@3;)))
              (else
                (local.set 18
                  (i64.load align=1
                    (local.tee 17
                      (local.get 15))))
                (local.set 19
                  (i64.load offset=8 align=1
                    (local.get 17)))
                (local.set 20
                  (i32.load offset=16 align=1
                    (local.get 17)))
                (local.set 21
                  (i32.load offset=20 align=1
                    (local.get 17)))
                (local.get 18)
                (local.set 23
                  (local.get 19))
                (local.set 22)
                (if (result i64)  ;; label = @5
                  (i64.eqz
                    (local.get 23))
                  (then
                    (i64.const 0))
                  (else
                    (i64.div_u
                      (local.get 22)
                      (local.get 23))))
                (local.get 21)
                (local.set 25
                  (local.get 20))
                (local.set 24)
                (i64.extend_i32_u
                  (i32.and
                    (if (result i32)  ;; label = @5
                      (i32.eqz
                        (local.get 25))
                      (then
                        (local.get 24))
                      (else
                        (i32.rem_s
                          (local.get 24)
                          (local.get 25))))
                    (i32.const 63)))
                (local.set 16
                  (i64.shl))
                (br 1 (;@3;))))
            (unreachable))
          (br 0 (;@2;)
            (local.get 16))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 160)))
          (local.get 2)))))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
