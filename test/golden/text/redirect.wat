;; a redirect through a map
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (type (;4;) (func (param i32 i32 i32) (result i32)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 2) (param i32 i32)
    (local i32 i32 i32 i32 i32 i32)
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
      (i32.store offset=48 align=1
        (local.get 0)
        (i32.const 0))
      (local.set 3
        (i32.load align=1
          (local.get 0)))
      (i64.store offset=32 align=1
        (local.get 0)
        (block (result i64)  ;; label = @2
          (local.set 4
            (call 5
              (local.get 0)
              (i32.load offset=16 align=1
                (local.get 0))
              (i32.const 1)))
          (br 0 (;@2;)
            (i64.extend_i32_u
              (local.get 4)))
          (unreachable)))
      (if  ;; label = @2
        (i32.eq
          (local.tee 5
            (i32.add
              (local.get 0)
              (i32.const 80)))
          (local.get 2))
        (then
          (return)))
      (i32.store offset=48 align=1
        (local.get 5)
        (i32.const 0))
      (local.set 6
        (i32.load align=1
          (local.get 5)))
      (i64.store offset=32 align=1
        (local.get 5)
        (block (result i64)  ;; label = @2
          (local.set 7
            (call 5
              (local.get 5)
              (i32.load offset=16 align=1
                (local.get 5))
              (i32.const 1)))
          (br 0 (;@2;)
            (i64.extend_i32_u
              (local.get 7)))
          (unreachable)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.tee 0
            (i32.add
              (local.get 0)
              (i32.const 160)))
          (local.get 2)))))
  (func $redirect_map_0 (type 4) (param i32 i32 i32) (result i32)
    (if  ;; label = @1
      (i32.lt_u
        (local.get 1)
        (i32.const 8))
      (then
        (if  ;; label = @2
          (i32.load offset=512000 align=1
            (i32.shl
              (local.get 1)
              (i32.const 3)))
          (then
            (i64.store offset=48 align=1
              (local.get 0)
              (i64.const 2))
            (i64.store offset=56 align=1
              (local.get 0)
              (i64.extend_i32_u
                (local.get 1)))
            (return
              (i32.const 4))))))
    (i32.store offset=48 align=1
      (local.get 0)
      (i32.const 0))
    (local.get 2))
  (global (;0;) (mut i32) (i32.const 0))
  (global (;1;) (mut i32) (i32.const 0))
  (global (;2;) (mut i64) (i64.const 0))
  (export "run" (func 4)))
