export { type MessageCode, messages } from './messages.js';
export { type Failure, type VerifyOptions, type VerifyResult, type VerifyStats, verify } from './verify.js';
