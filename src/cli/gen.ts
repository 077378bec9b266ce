/** `jitnic gen`: synthetic traffic, to a capture file or as lines to read. */
import { exitCodes, UsageError } from '../base/index.js';
import {
  flowSizeTables,
  formatTimeOfDay,
  generateBatches,
  type PacketBatch,
  packetsOf,
  Summarizer,
  writeBatch,
} from '../packet/index.js';
import { count, formatNumber } from '../text/index.js';
import { CaptureOutput, captureFormatOf } from './capture-output.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { type GenFlags, trafficOptions } from './gen-options.js';
import { turn } from './interrupt.js';
import { Progress } from './progress.js';
import { turnEvery } from './run-packets.js';
import { Steps } from './steps.js';

interface Options extends GenFlags {
  readonly write?: string;
  readonly link?: true;
}

/**
 * The same flags and seed give the same bytes. Exit 130 after Ctrl-C, the capture whole up to there. JSON:
 * `jitnic.gen/1`.
 */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .option(
        '-w, --write <file>',
        'capture to write: .pcap or .pcapng, also with .gz; - is stdout. Without it packets are printed',
      )
      .option('-c, --count <n>', 'packets; by default 10,000, or all of --flows with --flow-sizes')
      .option('--seed <n>', 'seed of all randomness (default 1)')
      .option('--flows <n>', 'flows; by default 1,000, or any number with --flow-sizes')
      .option('--zipf <s>', 'the k-th flow has weight 1/k^s; by default all are alike')
      .option(
        '--flow-sizes <name>',
        `flows that end, of published sizes: ${[...Object.keys(flowSizeTables), 'campus'].join(', ')}`,
      )
      .option('--concurrency <n>', 'flows under way at a time, with --flow-sizes (default 1,000)')
      .option('--protocols <weights>', 'flows by protocol (default tcp=0.6,udp=0.35,icmp=0.04,arp=0.01)')
      .option('--ipv4 <share>', 'share of IP flows over IPv4')
      .option('--ipv6 <share>', 'share of IP flows over IPv6; by default 0.2, or what --src and --dst leave')
      .option('--vlan <share>', 'share of flows with a VLAN tag (default 0)')
      .option('--vlan-ids <range>', 'their ids (default 1-100)')
      .option('--qinq <share>', 'share of tagged flows with two tags (default 0)')
      .option(
        '--sizes <mix>',
        'frame sizes in bytes: imix, 64, 7:64,4:594,1:1518, or an RFC 6985 genome (default imix)',
      )
      .option('--rate <rate>', 'such as 1Mpps or 10Gbps (default 1Mpps)')
      .option('--arrivals <law>', 'constant or poisson (default constant)')
      .option('--start <time>', 'time of the first packet: seconds since 1970 or 2026-01-31T12:00:00Z (default 0)')
      .option(
        '--src <subnets>',
        'sources, an IPv4 and an IPv6 subnet or address (default 198.18.0.0/16,2001:db8:1::/64)',
      )
      .option('--src-ports <ports>', 'such as 1024-65535')
      .option('--src-mac <address>')
      .option('--dst <subnets>', 'destinations (default 198.19.0.0/24,2001:db8:2::/120)')
      .option('--dst-ports <ports>', 'such as 80,443 (default 80,443,53,8080)')
      .option('--dst-mac <address>')
      .option('--replies <share>', 'share of packets that go back; TCP handshakes are then completed (default 0)')
      .option('--malformed <share>', 'share of packets that are cut, noise, or wrong in a field (default 0)')
      .option('-e, --link', 'print the link layer too');
  },
  run: async (_operands, options, io) => {
    if (options.write === '-' && io.flags.json) throw new UsageError('`-w -` and `--json` both want stdout');
    if (options.link && (options.write !== undefined || io.flags.json)) {
      throw new UsageError('`-e` is about printed packets', {}, 'leave out `-w` and `--json`, or `-e`');
    }
    const traffic = trafficOptions(options);
    const batches = generateBatches(traffic);
    // The first batch now: options that make no sense must not cost an old capture.
    const first = await io.work('drawing flows', () => batches.next());
    const tally = new Tally();
    const target = await openTarget(options, io);
    const interrupt = io.catchInterrupt();
    const progress = new Progress(io, { packets: traffic.packets });
    let lastTurn = performance.now();
    for (let next = first; next.done !== true && !interrupt.requested; next = batches.next()) {
      tally.add(next.value);
      await target.take(next.value);
      if (performance.now() - lastTurn > turnEvery) {
        await turn();
        lastTurn = performance.now();
      }
      if (options.write !== undefined) progress.show(tally.packets);
    }
    progress.clear();
    await target.close();
    const steps = new Steps(io, interrupt.requested);
    report(tally, options.write, steps, io);
    return steps.exitCode ?? exitCodes.ok;
  },
});

/** Where the packets go. */
interface Target {
  take(batch: PacketBatch): Promise<void>;
  close(): Promise<void>;
}

/** A capture file, or lines on stdout. With `--json` nothing is printed but the summary. */
async function openTarget(options: Options, io: Io): Promise<Target> {
  if (options.write !== undefined) {
    const output = await CaptureOutput.open(options.write, io);
    return {
      take: (batch) => {
        writeBatch(output.writer, batch);
        return output.flush();
      },
      close: () => output.close(),
    };
  }
  const summarizer = new Summarizer();
  const link = options.link === true;
  return {
    take: async (batch) => {
      if (!io.flags.json) {
        let lines = '';
        for (const packet of packetsOf(batch)) {
          lines += `${formatTimeOfDay(packet.time)} ${summarizer.summarize(packet.data, { link })}\n`;
        }
        io.out(lines);
      }
      await turn();
    },
    close: async () => undefined,
  };
}

/** What the summary tells; times in nanoseconds since 1970. */
class Tally {
  packets = 0;
  bytes = 0;
  first = 0n;
  last = 0n;

  add(batch: PacketBatch): void {
    if (this.packets === 0) this.first = batch.time[0] ?? 0n;
    // As on the wire, not as captured.
    for (let i = 0; i < batch.count; i++) this.bytes += batch.origLength[i] ?? 0;
    this.packets += batch.count;
    this.last = batch.time[batch.count - 1] ?? this.last;
  }

  get seconds(): number {
    return Number(this.last - this.first) / 1e9;
  }
}

/** The summary: JSON, or a line to stderr where a file was written. */
function report(tally: Tally, file: string | undefined, steps: Steps, io: Io): void {
  const { packets, bytes, first, last, seconds } = tally;
  if (io.flags.json) {
    io.json('jitnic.gen/1', {
      file,
      format: file === undefined ? undefined : captureFormatOf(file),
      packets,
      bytes,
      first_ns: first,
      last_ns: last,
      ...steps.json(),
    });
  } else if (file !== undefined) {
    const name = file === '-' ? 'stdout' : file;
    io.info(
      `${name}: ${count(packets, 'packet')}, ${count(bytes, 'byte')}, ${formatNumber(Number(seconds.toPrecision(4)))} s`,
    );
    if (steps.exitCode !== undefined) io.info(steps.text().trimEnd());
  }
}
