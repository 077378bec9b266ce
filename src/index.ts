/**
 * jitnic as a library. All of it runs in a browser as well; what needs Linux is in `jitnic/linux`.
 *
 *     import { readFileSync } from 'node:fs';
 *     import { decodeCapture, readObject, Session } from 'jitnic';
 *
 *     const object = readObject(readFileSync('examples/ipv6-filter/ipv6-filter.o'), { name: 'ipv6-filter.o' });
 *     const session = new Session(object, object.programs[0], { cacheSize: 16, check: true });
 *     for (const packet of decodeCapture(readFileSync('examples/ipv6-filter/traffic.pcap')).packets) session.run(packet);
 *     if (session.finish() !== undefined) throw new Error('card and interpreter differ');
 *     console.log(session.verdicts);
 *     for (const trace of session.runtime.traces) console.log(`${trace.packets} packets: ${trace.condition.text}`);
 *
 * Errors: `InputError` for a file, `UnsupportedError` for what it asks for and jitnic does not do, `UsageError` for
 * options, `BudgetError` for what is too large; all of them say where and have a `format()`. Anything else is a bug.
 */

// Errors.
export {
  BudgetError,
  InputError,
  InternalError,
  type Place,
  UnsupportedError,
  UsageError,
  UserError,
} from './base/index.js';
// Card and host.
export { policies } from './cache/index.js';
export type { PathCondition } from './condition/index.js';
// Execution: a machine holds memory, maps and programs; an engine runs them on one packet at a time.
export { Interpreter, type InterpreterOptions } from './interp/index.js';
// Instructions.
export {
  assembleInsns,
  type ConformanceGroup,
  decodeInsns,
  encodeInsns,
  formatInsn,
  type Insn,
  type InsnForm,
  instructions,
} from './isa/index.js';
// Object files: read, print, write.
export {
  assemble,
  Btf,
  disassemble,
  type FunctionSpec,
  findPrograms,
  formatDefinition,
  formatType,
  type LineSpec,
  type MapInit,
  type MapSpec,
  type ObjectImage,
  type ObjectSpec,
  objectImage,
  type PrintOptions,
  type ProgramSpec,
  type ProgramTypeName,
  parseImage,
  printImage,
  type ReadObjectOptions,
  readObject,
  type SectionSpec,
  writeElf,
  xdpPrograms,
} from './object/index.js';
// Captures and traffic.
export {
  type Capture,
  type CaptureFormat,
  type CaptureInterface,
  CaptureReader,
  type CaptureWriter,
  createWriter,
  type Damage,
  decodeCapture,
  encodeCapture,
  generateBatches,
  generateTraffic,
  type OutgoingPacket,
  openCapture,
  type Packet,
  type PacketBatch,
  packetsOf,
  parseHeaders,
  Summarizer,
  summarize,
  type TrafficOptions,
  type WriterOptions,
  writeBatch,
  writeCapture,
} from './packet/index.js';
// What Linux promises a program.
export {
  errnoName,
  helperName,
  mapTypeNames,
  type VerdictName,
  verdictName,
  verdictNames,
  XDP_ABORTED,
  XDP_DROP,
  XDP_PASS,
  XDP_REDIRECT,
  XDP_TX,
  xdpMd,
} from './platform/index.js';
export {
  type Arrival,
  type Clock,
  type Difference,
  type PacketResult,
  Runtime,
  type RuntimeOptions,
  Session,
  type SessionOptions,
  type TraceRecord,
} from './runtime/index.js';
export { type AbortCode, aborts, type RecordedTrace } from './trace/index.js';

// Would Linux accept it?
export { type VerifyOptions, type VerifyResult, verify } from './verifier/index.js';
export {
  applyMapChange,
  BpfMap,
  dumpMaps,
  type Engine,
  FibTable,
  formatTrap,
  type LoadedProgram,
  loadMaps,
  Machine,
  type MachineOptions,
  type MapEntry,
  type MapsFile,
  type Outcome,
  type Output,
  type PacketInput,
  parseMapsFile,
  parseMapsScript,
  type RedirectTarget,
  SocketTable,
  type Trap,
} from './vm/index.js';
