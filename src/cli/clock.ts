/** Milliseconds since some moment. Node makes `performance` when it is first named, for as long as a module takes. */
export function milliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
