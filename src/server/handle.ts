/**
 * One request, whatever brought it: the name of a call and the text of a body in, a status of HTTP and JSON out. Text
 * also where no socket is between (a command without a daemon), so that both ways run through the same checks and what
 * works in one works in the other.
 *
 * | status | means                                                                        |
 * | 200    | done; what changed is in the log                                             |
 * | 400    | the client's mistake: no JSON, a field that is not right, an object not read |
 * | 404    | no such call                                                                 |
 * | 422    | kernel or driver refuse, with the errno that bpf(2) or netlink would give    |
 * | 500    | a bug of ours                                                                |
 * | 507    | no room, or the disk fails (ENOSPC, EIO): state or card could not take it    |
 *
 * 507 stands apart from 422 for who watches the daemon: it is a matter of room, to be cured by the operator, and not
 * of what was asked.
 */
import { UserError } from '../base/index.js';
import { type Json, type OffloadKernel, OffloadRefusal } from '../offload/index.js';
import { callNamed, calls } from './api.js';
import { Fields } from './fields.js';

/** What is answered. */
export interface Answer {
  /** Of HTTP, see the table above. */
  readonly status: number;
  /** The call's answer, or `error` and what is known about it: `code`, `exit`, `errno`, `extack`, `hint`, `log`. */
  readonly body: Json;
  /** A mistake of ours, for the log. */
  readonly bug?: unknown;
}

/** Answers; never throws. A refused call has changed nothing. `now` is in milliseconds since 1970. */
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

/**
 * An error as an answer. `exit` is the exit code that a command has for it, so that `jitnic prog` ends alike with a
 * daemon and without one. `error` is one line, the place first; `log` is the verifier's, as long as it is.
 */
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
