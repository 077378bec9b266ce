/**
 * The state of the view as the part of the address behind `#`, so that a link shows what its sender saw. Files are in
 * it by their address where they came from one (`object=examples/nat/nat.o`): those that were dropped stay here.
 */

/** Pages of the lab. */
export const views = ['packets', 'step', 'program', 'maps', 'traces', 'cache'] as const;

/** One of {@link views}. */
export type ViewName = (typeof views)[number];

/** What the address says. Undefined: nothing. */
export interface Link {
  readonly view: ViewName;
  /** Addresses of files, of the same origin. */
  readonly object: string | undefined;
  readonly capture: string | undefined;
  readonly maps: string | undefined;
  readonly program: string | undefined;
  readonly filter: string | undefined;
  readonly verdict: string | undefined;
  /** Number of a decision, as the list of those has it. */
  readonly decision: number | undefined;
  readonly trace: number | undefined;
  /** From 0, in the address from 1. */
  readonly packet: number | undefined;
  /** Position on the packet's way. */
  readonly step: number | undefined;
  /** Index of a map. */
  readonly map: number | undefined;
  /** A source line as `file:line`, by the file's index. */
  readonly line: string | undefined;
  /** What stands beside the source. */
  readonly code: string | undefined;
  readonly pass: string | undefined;
}

const texts = ['object', 'capture', 'maps', 'program', 'filter', 'verdict', 'line', 'code', 'pass'] as const;
const numbers = ['decision', 'trace', 'packet', 'step', 'map'] as const;

/** An address of a file of this origin: no scheme, no host, no way up. */
function isOwn(path: string): boolean {
  return /^[\w.-]+(\/[\w.-]+)*$/.test(path) && !path.split('/').includes('..');
}

/** What speaks of an object and its packets: it goes when others are opened. */
export const nothingChosen: Partial<Link> = {
  program: undefined,
  filter: undefined,
  verdict: undefined,
  decision: undefined,
  trace: undefined,
  packet: undefined,
  step: undefined,
  map: undefined,
  line: undefined,
  pass: undefined,
};

/** Reads what stands behind `#`; what makes no sense is as if it were not there. */
export function parseLink(hash: string): Link {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const text = (name: (typeof texts)[number]): string | undefined => given.get(name) ?? undefined;
  const file = (name: 'object' | 'capture' | 'maps'): string | undefined => {
    const path = text(name);
    return path !== undefined && isOwn(path) ? path : undefined;
  };
  const number = (name: (typeof numbers)[number]): number | undefined => {
    const value = given.get(name);
    return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  };
  const packet = number('packet');
  return {
    view: views.find((name) => name === given.get('view')) ?? 'packets',
    object: file('object'),
    capture: file('capture'),
    maps: file('maps'),
    program: text('program'),
    filter: text('filter'),
    verdict: text('verdict'),
    decision: number('decision'),
    trace: number('trace'),
    packet: packet === undefined || packet === 0 ? undefined : packet - 1,
    step: number('step'),
    map: number('map'),
    line: text('line'),
    code: text('code'),
    pass: text('pass'),
  };
}

/** The other way round; what is undefined is left out. */
export function linkText(link: Link): string {
  const parts = new URLSearchParams();
  if (link.view !== 'packets') parts.set('view', link.view);
  for (const name of texts) if (link[name] !== undefined && link[name] !== '') parts.set(name, link[name]);
  for (const name of ['decision', 'trace', 'step', 'map'] as const)
    if (link[name] !== undefined) parts.set(name, String(link[name]));
  if (link.packet !== undefined) parts.set('packet', String(link.packet + 1));
  const text = parts.toString().replaceAll('%2F', '/');
  return text === '' ? '' : `#${text}`;
}
