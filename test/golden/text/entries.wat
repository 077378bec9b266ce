;; a loop of two entries
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
    (local i32 i32 i64 i32 i64 i64 i32 i32 i64 i64)
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
                (i32.const 14))
              (then
                (local.set 4
                  (i64.const 2))
                (br 1 (;@3;)))
              (else
                (local.set 5
                  (i32.load8_u
                    (local.get 3)))
                (i32.eqz
                  (i32.lt_u
                    (i32.const 9)
                    (local.get 5)))
                (i64.const 5)
                (local.set 6
                  (i64.extend_i32_u
                    (local.get 5)))
                (local.set 7)
                (local.set 8)
                (loop  ;; label = @5
                  (drop
                    (local.tee 9
                      (i64.eq
                        (local.get 7)
                        (i64.const 1))))
                  (drop
                    (local.tee 10
                      (i64.add
                        (local.get 7)
                        (i64.const -1))))
                  (if  ;; label = @6
                    (i32.eqz
                      (local.get 8))
                    (then
                      (drop
                        (local.tee 11
                          (i64.add
                            (local.get 6)
                            (i64.const 1))))
                      (if  ;; label = @7
                        (i64.lt_u
                          (i64.const 200)
                          (local.get 11))
                        (then
                          (local.set 4
                            (local.get 10))
                          (br 4 (;@3;)))
                        (else
                          (if  ;; label = @8
                            (local.get 9)
                            (then
                              (local.set 4
                                (local.get 10))
                              (br 5 (;@3;)))
                            (else
                              (i32.const 1)
                              (local.get 10)
                              (local.set 6
                                (local.get 11))
                              (local.set 7)
                              (local.set 8)
                              (br 3 (;@5;))))
                          (unreachable)))
                      (unreachable))
                    (else
                      (if  ;; label = @7
                        (local.get 9)
                        (then
                          (local.set 4
                            (local.get 10))
                          (br 4 (;@3;)))
                        (else
                          (i32.const 0)
                          (local.set 7
                            (local.get 10))
                          (local.set 8)
                          (br 2 (;@5;))))
                      (unreachable)))
                  (unreachable))
                (unreachable)))
            (unreachable))
          (br 0 (;@2;)
            (local.get 4))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2)))))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
