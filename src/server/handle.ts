/** One request, whatever brought it: the name of a call and the text of a body in, a status of HTTP and JSON out. */
import { UserError } from '../base/index.js';
import { type Json, type OffloadKernel, OffloadRefusal } from '../offload/index.js';
import { callNamed, calls } from './api.js';
import { Fields } from './fields.js';

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly body: Json;
  /** A mistake of ours, for the log. */
  readonly bug?: unknown;
}

/** Answers; never throws. A refused call has changed nothing. */
export function handle(kernel: OffloadKernel, name: string, text: string, now: number): Answer {
  const call = callNamed(name);
  if (call === undefined)
    return {
      status: 404,
      body: { error: `there is no call \`${name.slice(0, 50)}\``, hint: calls.map((each) => each.name).join(', ') },
    };
  let body: unknown;
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch {
    return { status: 400, body: { error: 'the body is no JSON' } };
  }
  try {
    return { status: 200, body: call.run(kernel, new Fields(body), now) };
  } catch (error) {
    return refusalAnswer(error);
  }
}

function refusalAnswer(error: unknown): Answer {
  if (!(error instanceof UserError)) {
    const what = error instanceof Error ? error.message : String(error);
    return { status: 500, body: { error: `a bug of jitnic: ${what}`, code: 'internal' }, bug: error };
  }
  const place = error.format().split('\n')[0] ?? error.message;
  const head = { error: place, code: error.code, exit: error.exitCode };
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  if (!(error instanceof OffloadRefusal)) return { status: 400, body: { ...head, ...hint } };
  const { errno, extack, log } = error;
  return {
    status: errno === 'ENOSPC' || errno === 'EIO' ? 507 : 422,
    body: {
      ...head,
      errno,
      ...(extack === undefined ? {} : { extack }),
      ...hint,
      ...(log === undefined ? {} : { log }),
    },
  };
}
