/**
 * Who asks a daemon: HTTP over its Unix socket, with what Node has. A refusal is no exception here, since its status
 * and body say more than an error could; only silence is (nobody listens, or the connection broke). A call whose
 * connection broke may have been done: only an answer says that it was or was not, so nothing is sent twice.
 */
import { Agent, request } from 'node:http';
import { InputError } from '../base/index.js';

/** What came back. */
export interface Reply {
  /** Of HTTP: 200, or as handle.ts maps refusals to it. */
  readonly status: number;
  /** JSON as it was read; nothing about its shape is checked. */
  readonly body: unknown;
}

/**
 * Calls over one connection, one at a time. The daemon serialises anyway, and one connection keeps a client's calls in
 * the order in which it made them.
 */
export class Client {
  private readonly socket: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(socket: string) {
    this.socket = socket;
  }

  /** `name` is a call's (`prog/load`). Throws InputError where nobody answers, or where what comes back is no JSON. */
  call(name: string, body: Readonly<Record<string, unknown>> = {}): Promise<Reply> {
    const text = JSON.stringify(body);
    return new Promise((done, fail) => {
      const failed = (error: Error): void =>
        fail(
          new InputError(`no daemon answers: ${error.message}`, { file: this.socket }, 'start one: jitnic serve STATE'),
        );
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const sent = request(
        { socketPath: this.socket, path: `/v1/${name}`, method: 'POST', agent: this.agent, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', failed);
          response.on('end', () => {
            try {
              done({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
            } catch (error) {
              failed(error as Error);
            }
          });
        },
      );
      sent.on('error', failed);
      sent.end(text);
    });
  }

  /** Gives the connection back; while it is kept, it counts against the daemon's limit. */
  close(): void {
    this.agent.destroy();
  }
}
