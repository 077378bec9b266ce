/**
 * Where jitnic keeps things from run to run: `JITNIC_CACHE`, else `$XDG_CACHE_HOME/jitnic`, else `~/.cache/jitnic`.
 * Undefined where there is none (`JITNIC_CACHE=off`, no home).
 */
export function cacheDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { JITNIC_CACHE: own, XDG_CACHE_HOME: xdg, HOME: home } = env;
  if (own === 'off') return undefined;
  if (own !== undefined && own !== '') return own;
  if (xdg !== undefined && xdg !== '') return `${xdg}/jitnic`;
  return home === undefined || home === '' ? undefined : `${home}/.cache/jitnic`;
}
