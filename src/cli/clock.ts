/** Milliseconds since some moment. Node makes `performance` when it is first named, which takes as long as a module. */
export function milliseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
