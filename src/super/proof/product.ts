/**
 * Runs both versions of a function side by side. They go in step: where both wait (for a branch, a call, the end) it
 * is decided who goes on, and what both do must be the same. A branch that only one of them has divides the run if
 * either way is possible. Where paths meet, the run waits for all of them and goes on with one state for all
 * (`merge.ts`), in the order of the code, so that each pair of places is run through once; where loops begin, until
 * what is known of the state holds on every round. That is the invariant: what is equal on every way in.
 *
 * So a rewrite costs as much as the code is long, not as it has paths, and a version that tests less, in another
 * order or later is followed as well.
 */
import { type Insn, op } from '../../isa/index.js';
import { helperId } from '../../platform/index.js';
import type { Term } from '../../solve/index.js';
import { callFrame, callRegisters, callShape } from './call-site.js';
import {
  type Call,
  callObligations,
  finishCall,
  lookUp,
  type Obligation,
  type Pair,
  performCall,
  regionsEqual,
  worldEqual,
} from './calls.js';
import type { CodeShape } from './code-shape.js';
import type { ValidationContext } from './context.js';
import { type Finding, Found, undecided } from './finding.js';
import { helperShape } from './helper-shape.js';
import { defineNames, isSameState, type Merged, mergeArrivals } from './merge.js';
import { assuming, decided, type Path, type Questions } from './path.js';
import { performAtomic, runToStop, type Stop } from './run.js';
import { Untracked } from './side.js';
import type { Symbols } from './symbols.js';

/** A run of both versions on one way. */
interface Run extends Path {
  readonly pair: Pair;
  /** Rounds of loops that led here, by place. */
  readonly rounds: ReadonlyMap<string, number>;
}

/** Where runs wait for each other: a slot of each version. */
interface Meeting {
  readonly key: string;
  readonly order: readonly [number, number];
  pending: Run[];
  /** What stands for all runs that came so far. */
  state: { readonly run: Run; readonly fresh: ReadonlySet<Term> } | undefined;
  version: number;
}

/** What the two versions share. */
export interface Setting {
  readonly symbols: Symbols;
  readonly before: CodeShape;
  readonly after: CodeShape;
  readonly context: ValidationContext;
  readonly questions: Questions;
  /** Bits of r0 that count at the end; 0: none. */
  readonly resultBits: 0 | 32 | 64;
  /** Instructions that may still be run. */
  readonly left: { steps: number };
  /**
   * Who goes on where each waits at a branch of its own. The other one waits meanwhile, its paths apart: so the
   * version leads that tells more paths apart.
   */
  readonly leads: keyof Pair;
  /** Loops are run through so many times instead of for all rounds; undefined: for all. */
  readonly unroll: number | undefined;
}

/** One comparison. Ends with a finding: equal, different with a case, or undecided with the reason. */
export class Product {
  private readonly setting: Setting;
  private readonly meetings = new Map<string, Meeting>();
  private isBounded = false;
  /** Runs that may still go on by themselves from where paths meet. */
  private spare = mostRuns;

  constructor(setting: Setting) {
    this.setting = setting;
  }

  /** Follows both versions from `pair` to all ends. */
  async explore(pair: Pair): Promise<Finding> {
    const { terms } = this.setting.symbols;
    const start: Run = {
      pair,
      facts: new Set(),
      since: [],
      history: { formula: terms.true, isExact: true },
      rounds: new Map(),
    };
    try {
      await this.advance(start);
      for (let next = this.nextMeeting(); next !== undefined; next = this.nextMeeting()) {
        for (const run of this.apart(next)) await this.advance(run);
        const run = this.gather(next);
        if (run !== undefined) await this.advance(run);
      }
    } catch (error) {
      if (error instanceof Found) return error.finding;
      throw error;
    }
    return this.isBounded ? { kind: 'equal up to', rounds: this.setting.unroll ?? 0 } : { kind: 'equal' };
  }

  /** The first place in the order of the code where runs wait: by then all that can still arrive have. */
  private nextMeeting(): Meeting | undefined {
    let best: Meeting | undefined;
    for (const meeting of this.meetings.values()) {
      if (meeting.pending.length === 0) continue;
      if (best === undefined || comesBefore(meeting, best)) best = meeting;
    }
    return best;
  }

  /**
   * Runs that go on by themselves: as long as they are few all of them, since nothing is forgotten then, and later
   * those on which one version has written to memory and the other has not yet, since what that was is hard to see
   * once they are one. Loops need all in one.
   */
  private apart(meeting: Meeting): readonly Run[] {
    const { before, after, leads } = this.setting;
    const [first] = meeting.pending;
    if (leads === 'before' || first === undefined || meeting.pending.length === 1 || meeting.state !== undefined)
      return [];
    const { pair } = first;
    if (before.headers.has(pair.before.pc) || after.headers.has(pair.after.pc)) return [];
    const own = meeting.pending.filter((run) => this.spare > 0 || !isSameWorld(run.pair));
    if (own.length > Math.max(mostApart, this.spare)) return [];
    this.spare -= own.length;
    meeting.pending = meeting.pending.filter((run) => !own.includes(run));
    return own.map((run) => this.copied(run));
  }

  /** One run for all that wait; undefined where what is known already covers them. */
  private gather(meeting: Meeting): Run | undefined {
    const { symbols, before, after } = this.setting;
    const { terms } = symbols;
    const own = (run: Run): number | undefined => run.rounds.get(meeting.key);
    const waiting = meeting.pending.filter(
      (run) => this.isCurrent(run, meeting) && (own(run) ?? meeting.version) === meeting.version,
    );
    meeting.pending = [];
    const earlier =
      meeting.state !== undefined && this.isCurrent(meeting.state.run, meeting) ? meeting.state : undefined;
    const isLoop = waiting.some((run) => own(run) !== undefined);
    const runs = earlier === undefined ? waiting : [earlier.run, ...waiting];
    if (waiting.length === 0) return undefined;
    meeting.version++;
    const first = runs[0] as Run;
    if (runs.length === 1) {
      const run = this.entering(first, meeting);
      meeting.state = { run, fresh: new Set() };
      return this.copied(run);
    }
    const live = (side: keyof Pair, r: number): boolean =>
      side === 'before' ? before.isLive(first.pair.before.pc, r) : after.isLive(first.pair.after.pc, r);
    const merged = mergeArrivals(symbols, runs, live, isLoop);
    for (const [r, value] of merged.pair.before.regs.entries())
      if (value !== undefined && merged.fresh.has(value))
        symbols.mayPointInto(value, before.pointeeOf(merged.pair.before.pc, r));
    if (earlier !== undefined && this.isCovered(earlier, merged)) {
      meeting.version--;
      return undefined;
    }
    if (!isLoop) defineNames(symbols, merged);
    const ways = runs.map((run, i) =>
      terms.all([
        merged.edges[i] as Term,
        ...run.since,
        ...merged.names.map(({ name, values }) => terms.eq(name, values[i] as Term)),
        run.history.formula,
      ]),
    );
    const isExact = !isLoop && runs.every((run) => run.history.isExact);
    const facts = isLoop
      ? new Set([...merged.facts].filter((fact) => !this.mentions(fact, earlier?.fresh)))
      : merged.facts;
    const run: Run = {
      pair: merged.pair,
      facts,
      since: [],
      history: { formula: isLoop ? terms.all([...facts]) : terms.any(ways), isExact },
      rounds: this.roundsOf(runs),
    };
    const entered = this.entering(run, meeting);
    meeting.state = { run: entered, fresh: merged.fresh };
    return this.copied(entered);
  }

  /** A state that was run through before, names apart, need not be run again. */
  private isCovered(earlier: { readonly run: Run; readonly fresh: ReadonlySet<Term> }, merged: Merged): boolean {
    return (
      merged.facts.size === earlier.run.facts.size &&
      isSameState(earlier.run.pair, earlier.fresh, merged.pair, merged.fresh)
    );
  }

  /** Does a fact speak of any of these names? */
  private mentions(fact: Term, names: ReadonlySet<Term> | undefined): boolean {
    if (names === undefined || names.size === 0) return false;
    const seen = new Set<Term>();
    const open = [fact];
    for (let term = open.pop(); term !== undefined; term = open.pop()) {
      if (names.has(term)) return true;
      if (seen.has(term)) continue;
      seen.add(term);
      open.push(...term.args);
    }
    return false;
  }

  /** A run that came through an earlier version of a loop's head says nothing new. */
  private isCurrent(run: Run, self: Meeting): boolean {
    if (this.setting.unroll !== undefined) return true;
    for (const [key, version] of run.rounds)
      if (key !== self.key && this.meetings.get(key)?.version !== version) return false;
    return true;
  }

  /** The most rounds that any of the runs has behind it. */
  private roundsOf(runs: readonly Run[]): ReadonlyMap<string, number> {
    const rounds = new Map<string, number>();
    for (const run of runs)
      for (const [key, round] of run.rounds) rounds.set(key, Math.max(rounds.get(key) ?? 0, round));
    return rounds;
  }

  private entering(run: Run, meeting: Meeting): Run {
    const { before, after, unroll } = this.setting;
    if (unroll !== undefined || !(before.headers.has(run.pair.before.pc) || after.headers.has(run.pair.after.pc)))
      return run;
    return { ...run, rounds: new Map([...run.rounds, [meeting.key, meeting.version]]) };
  }

  private copied(run: Run): Run {
    return { ...run, pair: { before: run.pair.before.copy(), after: run.pair.after.copy() } };
  }

  /** Puts a run where others may come, too. */
  private wait(run: Run): void {
    const { before, after, unroll } = this.setting;
    const { pair } = run;
    const place = `${pair.before.pc} ${pair.after.pc}`;
    let key = place;
    let waiting = run;
    if (unroll !== undefined && (before.headers.has(pair.before.pc) || after.headers.has(pair.after.pc))) {
      const round = (run.rounds.get(place) ?? 0) + 1;
      if (round > unroll) {
        this.isBounded = true;
        return;
      }
      waiting = { ...run, rounds: new Map([...run.rounds, [place, round]]) };
    }
    if (unroll !== undefined) key = `${place} ${[...waiting.rounds].map(([at, round]) => `${at}:${round}`).sort()}`;
    let meeting = this.meetings.get(key);
    if (meeting === undefined) {
      const order = [
        before.rank[pair.before.pc - before.start] ?? 0,
        after.rank[pair.after.pc - after.start] ?? 0,
      ] as const;
      meeting = { key, order, pending: [], state: undefined, version: 0 };
      this.meetings.set(key, meeting);
    }
    meeting.pending.push(waiting);
  }

  /** Follows a run until it waits or ends. Both versions may leave the place where they are. */
  private async advance(start: Run): Promise<void> {
    const open: { readonly run: Run; readonly passes: readonly [boolean, boolean] }[] = [
      { run: start, passes: [true, true] },
    ];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      let { run, passes } = next;
      for (;;) {
        const result = await this.round(run, passes);
        if (result === undefined) break;
        const [first, ...others] = result;
        if (first === undefined) break;
        open.push(...others);
        ({ run, passes } = first);
      }
    }
  }

  /** Runs both versions to where they stop and settles one thing; the runs that go on, with who has to stop. */
  private async round(start: Run, [passB, passA]: readonly [boolean, boolean]): Promise<readonly Next[] | undefined> {
    const { symbols, before, after, left } = this.setting;
    let run = start;
    const decide = (condition: Term): boolean | undefined => decided(symbols, run, condition);
    let b: Stop;
    let a: Stop;
    try {
      b = runToStop(run.pair.before, before, decide, passB, left);
      run = run.pair.before.granted.splice(0).reduce(assuming, run);
      a = runToStop(run.pair.after, after, decide, passA, left);
      const [leader, follower] = this.setting.leads === 'before' ? [b, a] : [a, b];
      const isAhead = leader.kind === 'branch' && follower.kind === 'join' && this.setting.leads === 'after';
      // What the rewrite made of a load and a store is done when those are, before the ways become one.
      const isLast = (insn: Insn): boolean => b.kind === 'join' && !before.leadsTo(run.pair.before.pc, insn);
      if (a.kind === 'atomic' && b.kind !== 'atomic' && (isDone(run.pair, a.insn) || isLast(a.insn))) {
        performAtomic(run.pair.after, a.insn);
        return [{ run, passes: [false, false] }];
      }
      if ((b.kind === 'join' || a.kind === 'join') && !isAhead) {
        this.wait(run);
        return undefined;
      }
      if (b.kind === 'branch' || a.kind === 'branch') return await this.branches(run, b, a);
      return await this.events(run, b, a);
    } catch (error) {
      if (!(error instanceof Untracked)) throw error;
      if ((await this.setting.questions.possible(run, symbols.terms.true)).kind === 'no') return undefined;
      throw new Found(undecided(error));
    }
  }

  /** Both wait, at least one at a branch: the run divides by what its condition may be. */
  private async branches(run: Run, b: Stop, a: Stop): Promise<readonly Next[]> {
    const { terms } = this.setting.symbols;
    const divide = (condition: Term, sides: readonly (readonly [keyof Pair, Stop, boolean])[]): readonly Next[] =>
      [true, false].map((way) => {
        const next = this.copied(assuming(run, way ? condition : terms.no(condition)));
        // Who waits where paths meet still does.
        const passes: [boolean, boolean] = [b.kind !== 'join', a.kind !== 'join'];
        for (const [side, stop, isNegated] of sides) {
          if (stop.kind !== 'branch') continue;
          next.pair[side].pc = way !== isNegated ? stop.taken : stop.next;
          passes[side === 'before' ? 0 : 1] = false;
        }
        return { run: next, passes };
      });
    if (b.kind === 'branch' && a.kind === 'branch') {
      if (a.condition === b.condition)
        return divide(b.condition, [
          ['before', b, false],
          ['after', a, false],
        ]);
      if (a.condition === terms.no(b.condition))
        return divide(b.condition, [
          ['before', b, false],
          ['after', a, true],
        ]);
      const same = await this.setting.questions.possible(run, terms.no(terms.eq(a.condition, b.condition)));
      if (same.kind === 'no')
        return divide(b.condition, [
          ['before', b, false],
          ['after', a, false],
        ]);
    }
    // Who has a branch that the other one has not goes on alone, if it matters on the ways that are possible.
    const isBefore = b.kind === 'branch' && (this.setting.leads === 'before' || a.kind !== 'branch');
    const [which, stop] = isBefore ? (['before', b] as const) : (['after', a] as const);
    if (stop.kind !== 'branch') return [];
    const ways = divide(stop.condition, [[which, stop, false]]);
    const possible: Next[] = [];
    for (const way of ways) {
      const condition = way === ways[0] ? stop.condition : terms.no(stop.condition);
      if ((await this.setting.questions.possible(run, condition)).kind !== 'no') possible.push(way);
    }
    return possible;
  }

  /** Both wait at a call, a packet load or the end: what they do has to be the same. */
  private async events(run: Run, b: Stop, a: Stop): Promise<readonly Next[] | undefined> {
    const { pair } = run;
    const { context } = this.setting;
    const found = [pair.before, pair.after].map((side, i) => {
      const stop = i === 0 ? b : a;
      return stop.kind === 'call' && isLookup(stop.insn) ? lookUp(side, context.maps) : undefined;
    });
    const [mine, other] = found;
    if (mine !== undefined || other !== undefined) {
      const both = mine !== undefined && other !== undefined;
      const same = both && (mine === other || (await this.isEqual(run, mine, other)));
      if (same || other === undefined) finishCall(pair.before, mine);
      if (same) finishCall(pair.after, mine);
      // A look-up that only one has, or another one.
      else if (other !== undefined) finishCall(pair.after, other);
      return [{ run, passes: [!same && other !== undefined, !same && other === undefined] }];
    }
    if (a.kind === 'atomic' || b.kind === 'atomic') return this.atomics(run, b, a);
    if (b.kind === 'exit' && a.kind === 'exit') {
      await this.require(run, this.endObligations(pair));
      return undefined;
    }
    if (b.kind === 'packet load' && a.kind === 'packet load') return this.packetLoads(run, b, a);
    if (b.kind !== 'call' || a.kind !== 'call') {
      await this.refute(run, `${nameOf(b)} before, ${nameOf(a)} after`);
      return undefined;
    }
    const shape = callShape(b.insn, pair.before.pc, this.setting.before);
    const others = callShape(a.insn, pair.after.pc, this.setting.after);
    if (shape.id !== others.id) {
      await this.refute(run, `${shape.id} before, ${others.id} after`);
      return undefined;
    }
    const call: Call = {
      shape,
      read: callRegisters(b.insn, shape, pair.before.pc, this.setting.before),
      frame: callFrame(b.insn, shape, pair.before, this.setting.before),
    };
    await this.require(run, callObligations(pair, call, context.maps));
    // A call that sees no memory asks for none to be the same.
    if (!shape.isBlind) this.unify(run.pair);
    return this.called(run, call);
  }

  /**
   * Goes on behind a call that both made: on two ways where it tells by its result whether it filled what it was
   * given.
   */
  private called(run: Run, call: Call): readonly Next[] {
    const { symbols, context, before } = this.setting;
    const { terms } = symbols;
    const name = `${call.shape.id} ${symbols.next()}`;
    const isFilled = terms.eq(symbols.unknown(name, 64), terms.bits(64, 0));
    const ways = call.shape.fillsOnSuccess ? [isFilled, terms.no(isFilled)] : [terms.true];
    return ways.map((way, i) => {
      const next = ways.length === 1 ? run : this.copied(assuming(run, way));
      performCall(next.pair, call, context.maps, name, i === 0);
      const result = next.pair.before.regs[0];
      if (result !== undefined) symbols.mayPointInto(result, before.pointeeOf(next.pair.before.pc, 0));
      return { run: next, passes: [false, false] };
    });
  }

  /** What was proved to be the same becomes one term. */
  private unify({ before, after }: Pair): void {
    for (const [region, array] of before.memory)
      if (region !== 'stack' && after.memory.has(region)) after.memory.set(region, array);
  }

  /** Are two terms equal on this way? */
  private async isEqual(run: Run, x: Term, y: Term): Promise<boolean> {
    const { terms } = this.setting.symbols;
    return (await this.setting.questions.possible(run, terms.distinct(x, y))).kind === 'no';
  }

  /** What must be equal when both return: the world, and as many bits of the result as anyone looks at. */
  private endObligations(pair: Pair): Obligation[] {
    const { symbols, resultBits } = this.setting;
    const { terms } = symbols;
    const list = worldEqual(pair);
    const result = pair.before.regs[0];
    if (result !== undefined && resultBits > 0)
      list.push({
        holds: terms.eq(terms.extract(result, resultBits - 1, 0), terms.extract(pair.after.reg(0), resultBits - 1, 0)),
        what: 'the result',
      });
    return list;
  }

  /**
   * An atomic operation must stay one, at its place among what is seen. One that the rewrite made of a load and a
   * store does no more than those did.
   */
  private async atomics(run: Run, b: Stop, a: Stop): Promise<readonly Next[] | undefined> {
    const { pair } = run;
    if (a.kind === 'atomic' && b.kind === 'atomic') {
      const { terms } = this.setting.symbols;
      const isSame = b.insn.imm === a.insn.imm && b.insn.code === a.insn.code;
      if (isSame && (b.address === a.address || (await this.isEqual(run, b.address, a.address)))) {
        const region = pair.before.accessed(b.address, true);
        const obligations = [regionsEqual(pair, region, `memory: ${region}`)];
        const [x, y] = [pair.before.regs[b.insn.src], pair.after.regs[a.insn.src]];
        const bits = (b.insn.code & 0x18) === op.SIZE_DW ? 64 : 32;
        if (x !== undefined && y !== undefined)
          obligations.push({
            holds: terms.eq(terms.extract(x, bits - 1, 0), terms.extract(y, bits - 1, 0)),
            what: 'the operand of an atomic operation',
          });
        await this.require(run, obligations);
        performAtomic(pair.before, b.insn);
        performAtomic(pair.after, a.insn);
        return [{ run, passes: [false, false] }];
      }
    }
    if (a.kind === 'atomic' && (b.kind !== 'atomic' || a.insn.imm !== b.insn.imm || a.address !== b.address)) {
      performAtomic(pair.after, a.insn);
      return [{ run, passes: [true, false] }];
    }
    await this.refute(run, `an atomic operation before, ${nameOf(a)} after`);
    return undefined;
  }

  private async packetLoads(run: Run, b: Stop, a: Stop): Promise<readonly Next[] | undefined> {
    if (b.kind !== 'packet load' || a.kind !== 'packet load') return undefined;
    const { pair } = run;
    const { symbols } = this.setting;
    if (b.insn.code !== a.insn.code && (b.insn.code & 0x18) !== (a.insn.code & 0x18)) {
      await this.refute(run, 'loads of the packet of two sizes');
      return undefined;
    }
    const obligations = [
      ...worldEqual(pair),
      { holds: symbols.terms.eq(b.offset, a.offset), what: 'the offset of a packet load' },
    ];
    await this.require(run, obligations);
    const size = (b.insn.code & 0x18) === op.SIZE_B ? 8 : (b.insn.code & 0x18) === op.SIZE_H ? 16 : 32;
    const value = symbols.terms.zeroExtend(symbols.unknown(`packet load ${symbols.next()}`, size), 64);
    for (const side of [pair.before, pair.after]) finishCall(side, value);
    return [{ run, passes: [false, false] }];
  }

  /** Proves obligations, or ends the comparison with the case in which they fail. */
  private async require(run: Run, obligations: readonly Obligation[]): Promise<void> {
    const { symbols, questions } = this.setting;
    const open = obligations.filter(({ holds }) => decided(symbols, run, holds) !== true);
    if (open.length === 0) return;
    const fails = symbols.terms.no(symbols.terms.all(open.map(({ holds }) => holds)));
    const possible = await questions.possible(run, fails);
    if (possible.kind === 'no') return;
    // What is too much at once may go part by part.
    const parts = open.map(({ holds }) => holds);
    if (possible.kind === 'unknown' && (await questions.areCertain(run, parts))) return;
    const what = open.map((obligation) => obligation.what).join(', ');
    throw new Found({ kind: 'different', what, possible, obligations: open });
  }

  /** The versions differ here, if this way is possible at all. */
  private async refute(run: Run, what: string): Promise<void> {
    const possible = await this.setting.questions.possible(run, this.setting.symbols.terms.true);
    if (possible.kind !== 'no') throw new Found({ kind: 'different', what, possible, obligations: [] });
  }
}

/** A run that goes on; `passes`: which of the two leave the place where they wait. */
interface Next {
  readonly run: Run;
  readonly passes: readonly [boolean, boolean];
}

function comesBefore(a: Meeting, b: Meeting): boolean {
  const [x, y] = [a.order, b.order];
  return x[0] !== y[0] ? x[0] < y[0] : x[1] < y[1];
}

/**
 * Runs in all that go on by themselves where code has copies for single paths, and most from one place after those.
 */
const mostRuns = 400;
const mostApart = 8;

/** Have both versions written the same to everything but their frames, as far as that can be told by looking? */
function isSameWorld({ before, after }: Pair): boolean {
  const regions = new Set([...before.memory.keys(), ...after.memory.keys()]);
  return [...regions].every((region) => region === 'stack' || before.array(region) === after.array(region));
}

/** Has the version before done by load and store what this atomic operation of the other one does? */
function isDone({ before, after }: Pair, insn: Insn): boolean {
  const next = after.copy();
  try {
    performAtomic(next, insn);
    return [...next.memory].some(([region, array]) => array !== after.array(region) && array === before.array(region));
  } catch (error) {
    if (error instanceof Untracked) return false;
    throw error;
  }
}

function isLookup(insn: Insn): boolean {
  return insn.code === op.CALL_OP && insn.src === op.CALL_HELPER && helperShape(insn.imm).isLookup;
}

function nameOf(stop: Stop): string {
  if (stop.kind !== 'call') return stop.kind === 'exit' ? 'the end' : `a ${stop.kind}`;
  const { insn } = stop;
  return insn.src === op.CALL_HELPER && insn.imm === helperId.tail_call ? 'a tail call' : 'a call';
}
