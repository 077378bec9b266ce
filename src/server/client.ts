/** Who asks a daemon. */
import { Agent, request } from 'node:http';
import { InputError } from '../base/index.js';

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Calls over one connection, one at a time. */
export class Client {
  private readonly socket: string;
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(socket: string) {
    this.socket = socket;
  }

  /** Throws InputError where nobody answers. */
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

  close(): void {
    this.agent.destroy();
  }
}
