;; a function of the program, and a helper in JavaScript
(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i64 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func (param i32)))
  (type (;4;) (func (param i32 i32) (result i32)))
  (type (;5;) (func (param i32 i32 i32) (result i32)))
  (import "jitnic" "memory" (memory (;0;) 1 65535))
  (import "jitnic" "call" (func $call (type 0)))
  (import "jitnic" "check" (func $check (type 1)))
  (import "jitnic" "trap" (func $trap (type 2)))
  (import "jitnic" "exit" (func $exit (type 3)))
  (func $run (type 2) (param i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32)
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
          (i64.store align=1
            (i32.const 77816)
            (i64.add
              (i64.extend_i32_u
                (local.tee 4
                  (i32.load offset=12 align=1
                    (local.get 0))))
              (i64.extend_i32_u
                (local.get 4))))
          (i64.store align=1
            (i32.const 540680)
            (i64.const 503808))
          (i64.store align=1
            (i32.const 540688)
            (i64.const 77816))
          (i64.store align=1
            (i32.const 540696)
            (i64.const 8))
          (i64.store align=1
            (i32.const 540704)
            (i64.const 0))
          (if  ;; label = @3
            (i32.eq
              (local.tee 5
                (call 6
                  (i32.const 77816)
                  (i32.const 8)
                  (local.get 0)))
              (i32.const 2147483647))
            (then
              (call 7
                (i32.const 130)
                (i32.const 0)
                (i32.const 9)
                (local.get 0))
              (local.set 5
                (i32.load align=1
                  (i32.const 540672)))))
          (drop
            (local.get 5))
          (br 0 (;@2;)
            (i64.const 2))
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
          (i64.store align=1
            (i32.const 77816)
            (i64.add
              (i64.extend_i32_u
                (local.tee 8
                  (i32.load offset=12 align=1
                    (local.get 6))))
              (i64.extend_i32_u
                (local.get 8))))
          (i64.store align=1
            (i32.const 540680)
            (i64.const 503808))
          (i64.store align=1
            (i32.const 540688)
            (i64.const 77816))
          (i64.store align=1
            (i32.const 540696)
            (i64.const 8))
          (i64.store align=1
            (i32.const 540704)
            (i64.const 0))
          (if  ;; label = @3
            (i32.eq
              (local.tee 9
                (call 6
                  (i32.const 77816)
                  (i32.const 8)
                  (local.get 6)))
              (i32.const 2147483647))
            (then
              (call 7
                (i32.const 130)
                (i32.const 0)
                (i32.const 9)
                (local.get 6))
              (local.set 9
                (i32.load align=1
                  (i32.const 540672)))))
          (drop
            (local.get 9))
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
  (func $ring_reserve (type 4) (param i32 i32) (result i32)
    (local i32 i32 i64 i64 i64 i32)
    (if  ;; label = @1
      (i32.ge_u
        (local.get 0)
        (i32.const 4096))
      (then
        (return
          (i32.const 0))))
    (if  ;; label = @1
      (i32.gt_u
        (local.tee 2
          (i32.and
            (i32.add
              (i32.and
                (local.get 0)
                (i32.const 1073741823))
              (i32.const 15))
            (i32.const -8)))
        (i32.const 4096))
      (then
        (return
          (i32.const 0))))
    (local.set 4
      (i64.load offset=8 align=1
        (i32.const 512000)))
    (if  ;; label = @1
      (i32.ne
        (i32.load offset=32 align=1
          (i32.const 512000))
        (local.get 1))
      (then
        (i32.store offset=32 align=1
          (i32.const 512000)
          (local.get 1))
        (i64.store offset=24 align=1
          (i32.const 512000)
          (local.get 4))))
    (local.set 6
      (i64.load offset=16 align=1
        (i32.const 512000)))
    (block  ;; label = @1
      (loop  ;; label = @2
        (br_if 1 (;@1;)
          (i64.ge_u
            (local.get 6)
            (local.get 4)))
        (br_if 1 (;@1;)
          (i32.lt_s
            (local.tee 7
              (i32.load align=1
                (i32.add
                  (i32.and
                    (i32.wrap_i64
                      (local.get 6))
                    (i32.const 4095))
                  (i32.const 520192))))
            (i32.const 0)))
        (local.set 6
          (i64.add
            (local.get 6)
            (i64.extend_i32_u
              (i32.and
                (i32.add
                  (i32.and
                    (local.get 7)
                    (i32.const 1073741823))
                  (i32.const 15))
                (i32.const -8)))))
        (br 0 (;@2;))))
    (i64.store offset=16 align=1
      (i32.const 512000)
      (local.get 6))
    (local.set 5
      (i64.add
        (local.get 4)
        (i64.extend_i32_u
          (local.get 2))))
    (if  ;; label = @1
      (i64.ge_u
        (i64.sub
          (local.get 5)
          (local.get 6))
        (i64.const 4096))
      (then
        (return
          (i32.const 0))))
    (if  ;; label = @1
      (i64.ge_u
        (i64.sub
          (local.get 5)
          (i64.load align=1
            (i32.const 512000)))
        (i64.const 4096))
      (then
        (if  ;; label = @2
          (i64.ne
            (i64.load align=1
              (i32.const 512000))
            (i64.load offset=24 align=1
              (i32.const 512000)))
          (then
            (return
              (i32.const 2147483647))))
        (return
          (i32.const 0))))
    (if  ;; label = @1
      (i32.gt_u
        (i32.add
          (local.tee 3
            (i32.add
              (i32.and
                (i32.wrap_i64
                  (local.get 4))
                (i32.const 4095))
              (i32.const 520192)))
          (local.get 2))
        (i32.const 524288))
      (then
        (return
          (i32.const 2147483647))))
    (i32.store align=1
      (local.get 3)
      (i32.or
        (local.get 0)
        (i32.const -2147483648)))
    (i32.store offset=4 align=1
      (local.get 3)
      (i32.add
        (i32.shr_u
          (i32.sub
            (local.get 3)
            (i32.const 520192))
          (i32.const 12))
        (i32.const 3)))
    (i64.store offset=8 align=1
      (i32.const 512000)
      (local.get 5))
    (i32.add
      (local.get 3)
      (i32.const 8)))
  (func $ring_output_8 (type 5) (param i32 i32 i32) (result i32)
    (local i32 i32 i32)
    (if  ;; label = @1
      (i32.eqz
        (local.tee 3
          (call 5
            (local.get 1)
            (local.get 2))))
      (then
        (return
          (i32.const -11))))
    (if  ;; label = @1
      (i32.eq
        (local.get 3)
        (i32.const 2147483647))
      (then
        (return
          (i32.const 2147483647))))
    (local.get 3)
    (local.set 4
      (local.get 0))
    (local.set 5)
    (i64.store align=1
      (local.get 5)
      (i64.load align=1
        (local.get 4)))
    (i32.store align=1
      (i32.sub
        (local.get 3)
        (i32.const 8))
      (local.get 1))
    (i32.const 0))
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
