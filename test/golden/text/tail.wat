;; a tail call
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (type (;4;) (func (param i32) (result i64)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 2) (param i32 i32)
    (local i32 i64 i32)
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
      (local.get 0)
      (global.set 1
        (i32.const 0))
      (global.set 0
        (i32.const 0))
      (local.set 3
        (call 5
          (local.get 0)))
      (loop  ;; label = @2
        (if  ;; label = @3
          (local.tee 4
            (global.get 0))
          (then
            (global.set 0
              (i32.const 0))
            (local.set 3
              (call_indirect (type 4)
                (local.get 0)
                (i32.sub
                  (local.get 4)
                  (i32.const 1))))
            (br 1 (;@2;)))))
      (local.get 3)
      (i64.store offset=32 align=1)
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2)))))
  (func $program_0 (type 4) (param i32) (result i64)
    (local i32 i32)
    (local.set 1
      (i32.load align=1
        (local.get 0)))
    (local.set 2
      (i32.const 1))
    (if  ;; label = @1
      (block (result i32)  ;; label = @2
        (drop
          (br_if 0 (;@2;)
            (br_if 0 (;@2;)
              (i32.const 0)
              (i32.ge_u
                (global.get 1)
                (i32.const 33)))
            (i32.ge_u
              (local.get 2)
              (i32.const 2))))
        (global.set 0
          (i32.load offset=512000 align=1
            (i32.shl
              (local.get 2)
              (i32.const 2))))
        (global.set 1
          (i32.add
            (global.get 1)
            (i32.ne
              (global.get 0)
              (i32.const 0))))
        (i32.ne
          (global.get 0)
          (i32.const 0)))
      (then
        (return
          (i64.const 0))))
    (return
      (i64.const 1))
    (unreachable))
  (func $program_1 (type 4) (param i32) (result i64)
    (local i32)
    (local.set 1
      (i32.load align=1
        (local.get 0)))
    (return
      (i64.const 2))
    (unreachable))
  (table (;0;) 2 2 funcref)
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4))
  (elem (;0;) (i32.const 0) func 5 6))
