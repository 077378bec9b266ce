/**
 * Traces where card and host have machines of their own: the card of a session, which is given packets one by one, and
 * a host that interprets on another machine and records what the card has left to it. What comes of a recording goes
 * to the card the way that takes time ({@link Shipments}).
 *
 * Recordings begin at the program's start: what a packet has passed on the card says nothing of the host, whose maps
 * are others.
 */
import { InternalError } from '../base/index.js';
import type { Decision, EngineOutcome, PacketEngine, Side } from '../coherence/index.js';
import { Interpreter } from '../interp/index.js';
import type { InstalledTrace, SideExit } from '../nic/index.js';
import { verdictName } from '../platform/index.js';
import { noteFault, type Session, type Start, type TraceRecord } from '../runtime/index.js';
import { defaultLimits, Recorder, type RecorderLimits } from '../trace/index.js';
import { type LoadedProgram, Machine, type MachineOptions, type PacketInput, type TrapSite } from '../vm/index.js';
import type { CoherentRun, TraceSource } from './coherent-run.js';
import { type Shipment, Shipments, shipmentOf } from './shipments.js';

/** What the card said of a packet that is under way, and what the host recorded of it. */
interface Course {
  hit?: InstalledTrace | undefined;
  exit?: SideExit | undefined;
  /** Asked once, when the packet first runs on the host. */
  start?: Start | undefined;
  isAsked?: boolean;
  shipment?: Shipment | undefined;
  trap?: TrapSite | undefined;
}

/** What the host's machine is made with: as the session's. */
export interface HostSideOptions {
  readonly machine: MachineOptions;
  readonly limits?: Partial<RecorderLimits> | undefined;
}

/** The card of a session and its host. The session's machine has two CPUs, and its card keeps to the executor. */
export class CoherentTraces implements TraceSource {
  readonly engines: { readonly [side in Side]: PacketEngine };
  private shipments: Shipments | undefined;
  private readonly session: Session;
  private readonly courses = new Map<number, Course>();

  constructor(session: Session, { machine: options, limits }: HostSideOptions) {
    const { machine, program } = session.runtime;
    this.session = session;
    const hostMachine = new Machine(machine.object, options);
    const loaded = hostMachine.programs[program.index];
    if (loaded === undefined) throw new InternalError('coherence', 'program');
    hostMachine.admit(loaded);
    const interpreter = new Interpreter(hostMachine);
    const recorder = new Recorder(hostMachine, { ...defaultLimits, ...limits });
    this.engines = {
      card: { machine, run: (number) => this.offer(number) },
      host: { machine: hostMachine, run: (number) => this.runOnHost(number, loaded, interpreter, recorder) },
    };
  }

  /** Before the first packet: traces go to the card by the clock and the link of the run. */
  ship({ card, clock, down, counts }: Pick<CoherentRun, 'card' | 'clock' | 'down' | 'counts'>): void {
    this.shipments = new Shipments({ session: this.session, card, clock, down, counts });
  }

  wouldHit(input: PacketInput, number: number): boolean {
    const { machine } = this.session.runtime;
    machine.setPacket({ ...input, cpu: 0 });
    machine.transaction.begin();
    const outcome = this.offer(number);
    machine.transaction.rollback();
    return outcome !== undefined;
  }

  hitOf(number: number): TraceRecord | undefined {
    const hit = this.courses.get(number)?.hit;
    return hit && this.session.runtime.offload?.book.of(hit);
  }

  decided(number: number, side: Side, decision: Decision, ends: number): void {
    const { runtime, verdicts } = this.session;
    const { hit, shipment, trap } = this.courses.get(number) ?? {};
    this.courses.delete(number);
    verdicts[verdictName(decision.verdict)]++;
    if (side === 'card') {
      if (hit !== undefined) runtime.offload?.hit(hit, 1);
      return;
    }
    runtime.misses++;
    if (trap !== undefined) noteFault(runtime.faults, trap, number + 1);
    if (shipment !== undefined) this.shipments?.record(ends, decision.steps, shipment);
  }

  private courseOf(number: number): Course {
    const known = this.courses.get(number) ?? {};
    this.courses.set(number, known);
    return known;
  }

  /** The packet that is in the card's machine. */
  private offer(number: number): EngineOutcome | undefined {
    const { offload, machine } = this.session.runtime;
    if (offload === undefined) throw new InternalError('coherence', 'no card');
    const course = this.courseOf(number);
    offload.retire();
    offload.cache.card.refresh();
    const offered = machine.lane.packet.fragmentCount === 0 ? offload.cache.offer() : offload.unoffered;
    if (offered.kind === 'miss') {
      course.exit = offered;
      course.hit = undefined;
      return undefined;
    }
    course.hit = offered;
    const { verdict, insnsProgram } = offload.book.of(offered);
    return { verdict, steps: insnsProgram };
  }

  private runOnHost(
    number: number,
    program: LoadedProgram,
    interpreter: Interpreter,
    recorder: Recorder,
  ): EngineOutcome {
    const course = this.courseOf(number);
    const { offload } = this.session.runtime;
    if (course.isAsked !== true && course.exit !== undefined) {
      course.isAsked = true;
      course.start = offload?.miss(course.exit);
      if (this.shipments?.hasRoom !== true) course.start = undefined;
    }
    const { start } = course;
    if (start !== undefined) {
      recorder.start(program, interpreter.registers);
      interpreter.observer = recorder;
    }
    const outcome = interpreter.run(program);
    interpreter.observer = null;
    if (start !== undefined) course.shipment = shipmentOf(start, recorder.finish(outcome));
    course.trap = outcome.trap;
    return { verdict: outcome.verdict, steps: outcome.steps };
  }
}
