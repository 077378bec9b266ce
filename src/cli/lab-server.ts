/**
 * The server of `jitnic lab`: the page's files, the files that were named on the command line, and a compiler for C.
 * It listens on the loopback interface only, and answers nobody who came by another name: a page from elsewhere whose
 * name was made to point here (DNS rebinding) gets nothing.
 */
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, sep } from 'node:path';

/** A file that is served as it is on disk, or as it was made. */
export type Served = { readonly path: string } | { readonly bytes: Uint8Array };

/** What a server offers. */
export interface LabServerOptions {
  /** Folder of the page. */
  readonly page: string;
  /** Files by their address, `given/prog.o`. */
  readonly given: ReadonlyMap<string, Served>;
  /** 0: any that is free. */
  readonly port: number;
  /** Object file of a C source. What it throws is put into JSON by `errorText`. */
  readonly compile: (name: string, text: Uint8Array) => Promise<Uint8Array>;
  readonly errorText: (error: unknown) => string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
};

/** No inline script or style, nothing from elsewhere; WebAssembly, which programs become. */
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const headers: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Bytes of a source at most. */
const longestSource = 1 << 22;

/** Starts it; the address is that of the page. Throws what listening throws (`EADDRINUSE`). */
export async function startLabServer(
  options: LabServerOptions,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const files = new Map<string, Served>(options.given);
  for (const name of readdirSync(options.page, { recursive: true }).map(String)) {
    const path = join(options.page, name);
    if (statSync(path).isFile()) files.set(name.split(sep).join('/'), { path });
  }
  let names: readonly string[] = [];
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (!names.includes(request.headers.host ?? ''))
      return refuse(response, 403, 'another name than that of this page');
    const path = decodePath(request.url ?? '/');
    if (path === 'compile') return void compile(request, response, options, names);
    const file = files.get(path === '' ? 'index.html' : path);
    if (file === undefined) return refuse(response, 404, 'there is no such file');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'files are only read');
    send(response, path === '' ? 'index.html' : path, file, request.method === 'HEAD');
  });
  await listening(server, options.port);
  const { port } = server.address() as AddressInfo;
  names = [`127.0.0.1:${port}`, `localhost:${port}`];
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed);
      done();
    });
  });
}

/** Without the question and the first slash; what cannot be decoded is no file. */
function decodePath(url: string): string {
  try {
    return decodeURIComponent(url.replace(/[?#].*$/, '').replace(/^\//, ''));
  } catch {
    return '\0';
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}

function send(response: ServerResponse, name: string, file: Served, isHead: boolean): void {
  response.setHeader('content-type', types[extname(name)] ?? 'application/octet-stream');
  if ('bytes' in file) {
    response.end(isHead ? undefined : file.bytes);
    return;
  }
  // Files of the page are small; a capture is read as it is wanted.
  if (types[extname(name)] !== undefined) {
    response.end(isHead ? undefined : readFileSync(file.path));
    return;
  }
  if (isHead) {
    response.end();
    return;
  }
  const stream = createReadStream(file.path);
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

/** Only the page itself may ask: a form or a script from elsewhere has another origin, and cannot set the header. */
async function compile(
  request: IncomingMessage,
  response: ServerResponse,
  options: LabServerOptions,
  names: readonly string[],
): Promise<void> {
  const name = request.headers['x-jitnic-name'];
  const isOwn = names.some((host) => request.headers.origin === `http://${host}`);
  if (request.method !== 'POST') return refuse(response, 405, 'a source is posted');
  if (!isOwn || typeof name !== 'string') return refuse(response, 403, 'only the page itself may ask');
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > longestSource) return refuse(response, 413, 'the source is too long');
      pieces.push(piece);
    }
    const object = await options.compile(decodeURIComponent(name), Buffer.concat(pieces));
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(object);
  } catch (error) {
    response.writeHead(422, { 'content-type': 'application/json' }).end(options.errorText(error));
  }
}
