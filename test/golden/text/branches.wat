;; ways that part and meet
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
    (local i32 i32 i64 i32 i32 i32 i64 i32)
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
                (i32.const 20))
              (then
                (local.set 4
                  (i64.const 2))
                (br 1 (;@3;)))
              (else
                (local.set 5
                  (i32.load offset=16 align=1
                    (local.get 3)))
                (if  ;; label = @5
                  (i32.eqz
                    (local.get 5))
                  (then
                    (local.set 4
                      (i64.const 1))
                    (br 2 (;@3;)))
                  (else
                    (local.set 4
                      (select
                        (i64.add
                          (i64.extend_i32_u
                            (local.get 5))
                          (i64.const 3))
                        (i64.extend_i32_u
                          (local.get 5))
                        (i32.lt_s
                          (i32.const 5)
                          (local.get 5))))
                    (br 2 (;@3;))))
                (unreachable)))
            (unreachable))
          (br 0 (;@2;)
            (local.get 4))
          (unreachable)))
      (if  ;; label = @2
        (i32.eq
          (local.tee 6
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2))
        (then
          (return)))
      (local.set 7
        (i32.load align=1
          (local.get 6)))
      (i64.store offset=32 align=1
        (local.get 6)
        (block (result i64)  ;; label = @2
          (block  ;; label = @3
            (if  ;; label = @4
              (i32.lt_u
                (i32.sub
                  (i32.load offset=4 align=1
                    (local.get 6))
                  (local.get 7))
                (i32.const 20))
              (then
                (local.set 8
                  (i64.const 2))
                (br 1 (;@3;)))
              (else
                (local.set 9
                  (i32.load offset=16 align=1
                    (local.get 7)))
                (if  ;; label = @5
                  (i32.eqz
                    (local.get 9))
                  (then
                    (local.set 8
                      (i64.const 1))
                    (br 2 (;@3;)))
                  (else
                    (local.set 8
                      (select
                        (i64.add
                          (i64.extend_i32_u
                            (local.get 9))
                          (i64.const 3))
                        (i64.extend_i32_u
                          (local.get 9))
                        (i32.lt_s
                          (i32.const 5)
                          (local.get 9))))
                    (br 2 (;@3;))))
                (unreachable)))
            (unreachable))
          (br 0 (;@2;)
            (local.get 8))
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
