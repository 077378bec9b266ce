/**
 * An attacker who wants the cache to thrash: every second packet is his, and he goes through all paths that he could
 * find, one after another, so that each comes back as late as possible. The cache has just the room that honest
 * traffic needs for 99 of 100 of its packets.
 */
import { findAdmission, findPolicy, simulate } from '../../cache/index.js';
import type { Subject } from '../../cli/check/subjects.js';
import type { ProgramSpec } from '../../object/index.js';
import { type Arrival, Session } from '../../runtime/index.js';
import { ranked, recordPaths, tracesFor } from './paths.js';
import { conversationsOf, replay } from './replay.js';
import { probing, traffics } from './traffics.js';

/** How a cache fared under attack; shares are from 0 to 1. */
export interface Defence {
  readonly name: string;
  /** Share of the honest packets that hit. */
  readonly honestHits: number;
  /** Recordings a packet, honest or not: what the host pays. */
  readonly recordings: number;
}

/** One program under attack, with a cache that holds fewer traces than the attacker has paths. */
export interface AttackResult {
  /** Traces that fit. */
  readonly size: number;
  /** Paths that the attacker goes through. */
  readonly paths: number;
  /** The same traffic without the attacker. */
  readonly calm: Defence;
  /** Under attack, by {@link defences}. */
  readonly attacked: readonly Defence[];
  /** Cards with as many places whose user has chosen nothing; without regions each trace has its place. */
  readonly usual: { readonly regions: Loss; readonly traces: Loss };
}

/** What an attack takes from honest packets: shares of them that hit. */
export interface Loss {
  readonly calm: number;
  readonly attacked: number;
}

/** Share of the honest packets that an attack may take from a card as it comes. */
export const mostLost = 0.03;

/** Policy and admission by their names in `jitnic run --help`; without `penalties` as with `--no-penalties`. */
interface DefenceRow {
  readonly name: string;
  readonly policy: string;
  readonly admission: string;
  readonly penalties: boolean;
}

/** What is tried against him: rows of policy, admission and penalties. */
export const defences: readonly DefenceRow[] = [
  { name: 'lru', policy: 'lru', admission: 'always', penalties: false },
  { name: 'lru, penalties', policy: 'lru', admission: 'always', penalties: true },
  { name: 'lru, doorkeeper', policy: 'lru', admission: 'doorkeeper', penalties: false },
  { name: 'lru, tinylfu', policy: 'lru', admission: 'tinylfu', penalties: false },
  { name: 'lru, tinylfu, penalties', policy: 'lru', admission: 'tinylfu', penalties: true },
  { name: 's3-fifo', policy: 's3-fifo', admission: 'always', penalties: false },
  { name: 'sieve', policy: 'sieve', admission: 'always', penalties: false },
  { name: 'w-tinylfu', policy: 'w-tinylfu', admission: 'always', penalties: false },
];

/** Honest traffic of an attack. */
const honestTraffic = 'zipf-1';

/** `own`: the program's own packets, among which the honest ones are. */
export function measureAttack(
  subject: Subject,
  program: ProgramSpec,
  own: readonly Arrival[],
  packets: number,
  seed: number,
): AttackResult {
  const row = traffics.find(({ name }) => name === honestTraffic);
  const honest = replay(conversationsOf(own), row?.options ?? {}, packets, seed);
  // The room is chosen by what honest traffic needs alone: an operator sizes the cache before the attack.
  const calm = recordPaths(subject, program, honest).reference;
  const size = Math.max(2, tracesFor(ranked(calm), calm.packets, 0.99) ?? calm.paths);
  // The attacker knows the program: he tries its own packets and many odd ones, and keeps one for each path.
  const found = onePerPath(subject, program, [...own, ...probing(Math.min(packets, 4000), seed + 1)]);
  // Honest packets are at even places.
  const mixed = honest.flatMap((packet, i) => {
    const attacking = found[i % found.length];
    return attacking === undefined ? [packet] : [packet, { ...attacking, time: packet.time }];
  });
  const loss = (regions: boolean): Loss => {
    const usual = { name: '', policy: 'lru', admission: 'always', regions };
    return {
      calm: live(subject, program, honest, 1, size, usual).honestHits,
      attacked: live(subject, program, mixed, 2, size, usual).honestHits,
    };
  };
  const reference = recordPaths(subject, program, mixed).reference;
  const calmly = simulate(calm, { capacity: { traces: size }, policy: policyOf('lru') });
  return {
    size,
    paths: found.length,
    calm: {
      name: 'no attack',
      honestHits: calmly.hits / calm.packets,
      recordings: (calmly.installs + calmly.refusals) / calm.packets,
    },
    attacked: defences.map((defence) =>
      defence.penalties
        ? live(subject, program, mixed, 2, size, { ...defence, regions: false })
        : simulated(reference, size, defence),
    ),
    usual: { regions: loss(true), traces: loss(false) },
  };
}

/** A policy of the table, which has it; a name that it lacks is a mistake in {@link defences}. */
const policyOf = (name: string): NonNullable<ReturnType<typeof findPolicy>> => {
  const policy = findPolicy(name);
  if (policy === undefined) throw new Error(`no policy ${name}`);
  return policy;
};

/** Without penalties the simulation counts what a run would. */
function simulated(reference: Parameters<typeof simulate>[0], size: number, row: DefenceRow): Defence {
  let at = 0;
  let honestHits = 0;
  const { policy, admission } = row;
  const options = { capacity: { traces: size }, policy: policyOf(policy), admission: findAdmission(admission) };
  const { installs, refusals, packets } = simulate(reference, options, undefined, (_path, isHit) => {
    if (at++ % 2 === 0 && isHit) honestHits++;
  });
  return { name: row.name, honestHits: honestHits / (packets / 2), recordings: (installs + refusals) / packets };
}

/** With penalties it takes a run. The first of every `stride` packets is honest. */
function live(
  subject: Subject,
  program: ProgramSpec,
  packets: readonly Arrival[],
  stride: number,
  size: number,
  { name, policy, admission, regions }: Omit<DefenceRow, 'penalties'> & { readonly regions: boolean },
): Defence {
  const { maps } = subject;
  const session = new Session(subject.object, program, {
    ...{ maps, cacheSize: size, policy, admission, regions },
    keepConditions: false,
  });
  let honestHits = 0;
  for (const [i, packet] of packets.entries()) {
    const { hit } = session.run(packet);
    if (i % stride === 0 && hit !== undefined) honestHits++;
  }
  const { installs, refusals } = session.runtime;
  return {
    name,
    honestHits: honestHits / (packets.length / stride),
    recordings: (installs + refusals) / packets.length,
  };
}

/** A packet for each path that the given ones find. */
function onePerPath(subject: Subject, program: ProgramSpec, packets: readonly Arrival[]): Arrival[] {
  const { reference } = recordPaths(subject, program, packets);
  const found: Arrival[] = [];
  for (const [i, path] of reference.events.entries()) if (path >= 0) found[path] ??= packets[i] as Arrival;
  return found;
}
