/** A thread of `jitnic run --jobs N`: the packets of its ring, by its machine on the maps of all. */
import { parentPort, workerData } from 'node:worker_threads';
import { RingReader, Session } from '../runtime/index.js';
import { Verdicts } from '../verifier/index.js';
import type { FromJob, JobTask } from './job-messages.js';
import { objectOf } from './program-file.js';
import { chooseProgram, sessionOptions } from './run-options.js';
import { threadIo } from './thread-io.js';

const task = workerData as JobTask;
const { lanes } = task;

function post(message: FromJob): void {
  parentPort?.postMessage(message);
}

/** Only the first thread speaks: all of them open the same object. */
const io = threadIo('jobs', {
  info: (line) => {
    if (lanes.index === 0) post({ kind: 'info', line });
  },
});

/** Milliseconds between two messages about counts. */
const tellEvery = 50;

/**
 * Opens the object once more (only its bytes can be handed over), makes a machine on the shared maps, and runs packets
 * until the ring ends. Verification is not repeated: the main thread says which programs passed.
 */
async function work(): Promise<void> {
  const { object, program } = chooseProgram(
    await objectOf(task.object, task.file, io, task.flags),
    task.program,
    task.flags,
  );
  const options = await sessionOptions(task.flags, io);
  const session = new Session(object, program, {
    ...options,
    lanes,
    verdicts: Verdicts.given(object.programs.filter((_, i) => task.verified.includes(i))),
  });
  const { fallback } = session.runtime.host.prepare();
  if (fallback !== undefined) {
    post({ kind: 'not compiled', program: fallback.program.index, insn: fallback.insn, what: fallback.what });
  } else {
    const ring = new RingReader(task.ring);
    let told = performance.now();
    for (const batch of ring.batches()) {
      for (let at = 0; at < batch.count && !ring.isStopped; ) {
        at += session.runBatch(batch, at, Number.POSITIVE_INFINITY);
        // What a thread has told counts even if it has to be ended in the middle of a packet that never ends.
        if (performance.now() - told < tellEvery) continue;
        post({ kind: 'counts', counts: session.counts });
        told = performance.now();
      }
    }
    post({ kind: 'done', counts: session.counts });
  }
}

// What it throws ends the thread, and whoever started that hears of it.
void work();
