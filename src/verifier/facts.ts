/** placeholder, replaced below */
import type { ProgramSpec } from '../object/index.js';
import type { Env } from './env.js';
import type { ProgramShape } from './program-shape.js';
export interface ProgramFacts {
  readonly insns: readonly unknown[];
}
export class FactsCollector {
  constructor(_program: ProgramSpec, _shape: ProgramShape) {}
  visit(_env: Env): void {}
  finish(): ProgramFacts {
    return { insns: [] };
  }
}
