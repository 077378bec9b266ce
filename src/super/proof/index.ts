export type { ValidationContext } from './context.js';
export type { CounterExample } from './counter-example.js';
export { type Budget, lookBudget } from './path.js';
export { type FunctionCode, type Validation, validateFunction } from './validate.js';
export { validateObject } from './validate-object.js';
