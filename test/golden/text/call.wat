;; a function of the program, and a helper in JavaScript
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (type (;4;) (func (param i32 i32 i32)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 4) (param i32 i32 i32)
    (local i32 i32 i32)
    (if  ;; label = @1
      (i32.eqz
        (local.get 1))
      (then
        (return)))
    (local.set 3
      (i32.add
        (i32.mul
          (local.get 1)
          (local.get 2))
        (local.get 0)))
    (loop  ;; label = @1
      (local.set 4
        (i32.load align=1
          (local.get 0)))
      (i64.store offset=32 align=1
        (local.get 0)
        (block (result i64)  ;; label = @2
          (i64.store align=1
            (i32.const 77816)
            (i64.add
              (i64.extend_i32_u
                (local.tee 5
                  (i32.load offset=12 align=1
                    (local.get 0))))
              (i64.extend_i32_u
                (local.get 5))))
          (i64.store align=1
            (i32.const 540680)
            (i64.const 503808))
          (i64.store align=1
            (i32.const 540688)
            (i64.add
              (i64.const 77824)
              (i64.const -8)))
          (i64.store align=1
            (i32.const 540696)
            (i64.const 8))
          (i64.store align=1
            (i32.const 540704)
            (i64.const 0))
          (call 5
            (i32.const 130)
            (i32.const 0)
            (i32.const 9)
            (local.get 0))
          (br 0 (;@2;)
            (i64.const 2))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (local.get 2)))
          (local.get 3)))))
  (func $call_plain (type 0) (param i32 i32 i32 i32)
    (i64.store align=1
      (i32.const 65536)
      (i64.load align=1
        (local.get 3)))
    (i64.store offset=8 align=1
      (i32.const 65536)
      (i64.load offset=8 align=1
        (local.get 3)))
    (i64.store offset=16 align=1
      (i32.const 65536)
      (i64.load offset=16 align=1
        (local.get 3)))
    (i32.store offset=80 align=1
      (i32.const 139296)
      (i32.load offset=40 align=1
        (local.get 3)))
    (i32.store align=1
      (i32.const 139296)
      (i32.load offset=44 align=1
        (local.get 3)))
    (call 0
      (local.get 0)
      (local.get 1)
      (local.get 2)
      (local.get 3)))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
