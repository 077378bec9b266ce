/** z3 as a process of its own, fed through its standard input. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createRequire } from 'node:module';
import { InternalError } from '../base/index.js';
import type { Dialogue } from '../solve/index.js';

/** Printed after each script, so that it is known where its answer ends. */
const mark = 'end-of-answer';

/** A dialogue: a script goes in, and all that comes out before a mark that is echoed is the answer. */
class Z3Process implements Dialogue {
  readonly name: string;
  private readonly child: ChildProcessWithoutNullStreams;
  private heard = '';
  private due: { readonly resolve: (text: string) => void; readonly reject: (error: Error) => void } | undefined;
  private ended: Error | undefined;
  private readonly kill = (): void => void this.child.kill();

  constructor(name: string, child: ChildProcessWithoutNullStreams) {
    this.name = name;
    this.child = child;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => this.hear(text));
    child.stderr.on('data', () => undefined);
    child.stdin.on('error', (error) => this.end(error));
    // Who ends this process ends that one, which may be at a question for minutes.
    process.once('exit', this.kill);
    child.on('error', (error) => this.end(error));
    child.on('exit', (code, signal) => this.end(new InternalError('solve', `z3 ended (${signal ?? code})`)));
  }

  /** One script at a time. Resolves with the answer; rejects when the process has ended. */
  say(script: string): Promise<string> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => {
      this.due = { resolve, reject };
      this.child.ref();
      this.child.stdin.write(`${script}\n(echo "${mark}")\n`);
    });
  }

  close(): Promise<void> {
    this.kill();
    process.off('exit', this.kill);
    return Promise.resolve();
  }

  /** Output comes in pieces; the mark on a line of its own ends an answer. */
  private hear(text: string): void {
    this.heard += text;
    const at = this.heard.indexOf(`${mark}\n`);
    if (at < 0) return;
    const answer = this.heard.slice(0, at);
    this.heard = this.heard.slice(at + mark.length + 1);
    // While nothing is asked, the process keeps nobody waiting.
    this.child.unref();
    this.due?.resolve(answer);
    this.due = undefined;
  }

  private end(error: Error): void {
    this.ended ??= error;
    this.due?.reject(this.ended);
    this.due = undefined;
  }
}

/** Starts the `z3` that the path names; undefined if there is none. */
export function openZ3Process(): Dialogue | undefined {
  // Loaded where it is needed: most commands ask no solver, and it takes a process some milliseconds.
  const { spawn, spawnSync } = createRequire(import.meta.url)(
    'node:child_process',
  ) as typeof import('node:child_process');
  const { status, stdout } = spawnSync('z3', ['--version'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  // `Z3 version 4.8.12 - 64 bit`
  const version = /version (\S+)/.exec(stdout)?.[1] ?? '';
  return new Z3Process(`z3 ${version}`, spawn('z3', ['-smt2', '-in'], { stdio: 'pipe' }));
}
