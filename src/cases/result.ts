/** What came of cases. */
import type { FieldDifference } from '../packet/index.js';
import type { SourceLine } from './deciding-line.js';

/** What was not as expected. `difference`: engines do not agree among themselves. */
export type FailureKind =
  | 'verdict'
  | 'packet'
  | 'field'
  | 'redirect'
  | 'map'
  | 'global'
  | 'printed'
  | 'record'
  | 'instructions'
  | 'fault'
  | 'difference';

/** One expectation that did not hold. */
export interface Failure {
  readonly kind: FailureKind;
  /** In a sentence: `verdict is PASS, not DROP`. */
  readonly what: string;
  readonly expected: string | undefined;
  readonly actual: string | undefined;
  /** Of two packets. */
  readonly fields: readonly FieldDifference[];
  /** Number of the packet in its case, from 1; 0: in the end. */
  readonly packet: number;
  /** Line of the test file that expected it; 0 where there is none. */
  readonly line: number;
  /** Engines that found it. */
  readonly engines: readonly string[];
  /** Line of the source that decided about the packet. */
  readonly decided: SourceLine | undefined;
}

/** What came of one case. */
export interface CaseResult {
  readonly name: string;
  readonly file: string | undefined;
  readonly line: number;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why nothing ran. */
  readonly reason: string | undefined;
  readonly packets: number;
  /** Engines that ran it, and why others did not. */
  readonly engines: readonly string[];
  readonly missing: readonly { readonly engine: string; readonly reason: string }[];
  /** Most instructions that a packet took. */
  readonly instructions: number | undefined;
  readonly failures: readonly Failure[];
}

/** A test file that could not be run: what is wrong with it, with its place and the hint. */
export interface FileError {
  readonly file: string;
  readonly message: string;
}

/** Failures without the engines that found them. */
export type Finding = Omit<Failure, 'engines' | 'decided'>;

/** A finding with what most have not. */
export function finding(kind: FailureKind, what: string, more: Partial<Finding> = {}): Finding {
  return { kind, what, expected: undefined, actual: undefined, fields: [], packet: 0, line: 0, ...more };
}
