/** How commander's keys of options are written on the command line. */

/** `cacheSize` as `--cache-size`; what is false was given as `--no-...`. */
export function flagName(key: string, value: unknown): string {
  return `--${value === false ? 'no-' : ''}${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}
