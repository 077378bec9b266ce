/**
 * The JavaScript side of a card's module: helpers, and taking back what they did.
 *
 * A helper that a later guard may have to undo runs under the machine's journal, and where the journal stood before it
 * is its mark. The journal stays open until the first call of another packet, or the end of the batch: closing it is
 * not worth a call. No call of the packet that it was opened for closes it, whether that call can be undone or not:
 * marks that the packet has set are good until its trace has decided it. If somebody else has opened the journal (to
 * see what a packet changes), it is theirs to close.
 */
import { InternalError } from '../../base/index.js';
import { exchange, HostImports } from '../../jit/index.js';
import { type Callbacks, type Machine, ProgramTrap, type Savepoint } from '../../vm/index.js';

/** A kernel function's number has 18 bits: platform/engine-helpers.ts. */
const helperBits = 18;
const contextFlag = 1 << helperBits;
const markShift = helperBits + 1;
const undoFlag = 1 << 30;
/** Calls that one trace can take back. */
const maxMarks = (1 << (30 - markShift)) - 1;

/** What stands beside the helper's number. */
export const callFlags: {
  readonly context: number;
  readonly mark: (index: number) => number;
  readonly undo: (index: number) => number;
} = {
  /** The context in guest memory is the packet's. */
  context: contextFlag,
  /** The `index`-th call of this trace that may be undone. */
  mark(index: number): number {
    if (index >= maxMarks) throw new InternalError('card', 'too many calls');
    return (index + 1) << markShift;
  },
  /** No helper: takes back what calls from `index` on did. */
  undo(index: number): number {
    return undoFlag | ((index + 1) << markShift);
  },
};

/** Helpers that call back are never part of a trace's call: their callbacks were recorded in line. */
const noCallbacks: Callbacks = {
  call: () => {
    throw new InternalError('card', 'a helper called back');
  },
};

/** Imports of one card. `host` shows a helper the packet that the module is at. */
export class CardImports {
  private readonly machine: Machine;
  private readonly area: number;
  private readonly host: HostImports;
  private readonly marks: Savepoint[] = [];
  /** Record of the packet that this side opened the journal for; 0: it has not. */
  private openedFor = 0;
  private ringsBeside = false;

  /** `area`: guest address of the exchange area. */
  constructor(machine: Machine, area: number) {
    this.machine = machine;
    this.area = area;
    this.host = new HostImports(machine, area);
  }

  /** For WebAssembly: see Services. */
  imports(): Record<string, Record<string, unknown>> {
    const { jitnic } = this.host.importsFor([], { movesPacket: false, writesRings: false });
    return {
      jitnic: {
        ...jitnic,
        call: (helper: number, _program: number, _pc: number, at: number) => this.call(helper, at),
      },
    };
  }

  /**
   * Call it before a batch. Within it a record's address says which packet a call is for. `beside`: a program that
   * reserves records of ring buffers in compiled code runs packets of the batch as well.
   */
  open(beside: boolean): void {
    this.close();
    this.ringsBeside = beside;
    this.host.at = 0;
  }

  /** Call it after a batch, too. */
  close(): void {
    if (this.openedFor === 0) return;
    this.openedFor = 0;
    this.machine.transaction.commit();
  }

  /** A call out of the module; see the head for the bits of `word`. */
  private call(word: number, at: number): void {
    const { machine } = this;
    const mark = ((word & (undoFlag - 1)) >> markShift) - 1;
    if ((word & undoFlag) !== 0) {
      machine.transaction.rollbackTo(this.marks[mark] as Savepoint);
      return;
    }
    if (at !== this.openedFor) this.close();
    this.host.enterPacket(at);
    if (this.ringsBeside) machine.store.openRingWindows();
    if (mark >= 0) {
      if (machine.memory.journal === null) {
        machine.transaction.begin();
        this.openedFor = at;
      }
      this.marks[mark] = machine.transaction.savepoint();
    }
    if ((word & contextFlag) !== 0) machine.lane.packet.sync();
    const refused = this.area + exchange.refused;
    machine.memory.view.setUint32(refused, 0, true);
    try {
      machine.callHelper(word & (contextFlag - 1), this.host.view(), noCallbacks);
    } catch (error) {
      if (!(error instanceof ProgramTrap)) throw error;
      machine.memory.view.setUint32(refused, 1, true);
    }
  }
}
