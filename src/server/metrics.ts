/**
 * What the daemon counts, in the text format of Prometheus (version 0.0.4). Counters start at 0 with the process,
 * which is what `rate()` expects; gauges are read from the state at the moment somebody asks, so they cannot drift
 * from it. Names that are no call share one label, so that a client's mistakes do not make series of their own.
 */
import type { OffloadKernel } from '../offload/index.js';
import type { StateLog } from './log.js';

/** Counters since the start. */
export class Metrics {
  /** Connections that were one too many. */
  dropped = 0;
  /** Requests that are none of HTTP. */
  malformed = 0;
  /** By their labels, as they are printed. */
  private readonly requests = new Map<string, number>();

  /** One request that was answered with `status`. `call` has no character that a label would need escaped. */
  count(call: string, status: number): void {
    const key = `call="${call}",status="${status}"`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }

  /** The whole page. Names and units are an interface that dashboards rest on: they are added to, not renamed. */
  text(kernel: OffloadKernel, log: StateLog): string {
    const { model } = kernel;
    const lines: string[] = [];
    const metric = (name: string, type: string, help: string, values: readonly (readonly [string, number])[]): void => {
      lines.push(`# HELP jitnic_${name} ${help}`, `# TYPE jitnic_${name} ${type}`);
      for (const [labels, value] of values) lines.push(`jitnic_${name}${labels === '' ? '' : `{${labels}}`} ${value}`);
    };
    metric('requests_total', 'counter', 'Requests by call and status.', [...this.requests]);
    metric('dropped_connections_total', 'counter', 'Connections beyond the limit.', [['', this.dropped]]);
    metric('malformed_requests_total', 'counter', 'Requests that are none of HTTP.', [['', this.malformed]]);
    metric('log_entries_total', 'counter', 'Entries that were appended to the log.', [['', log.appended]]);
    metric('log_bytes', 'gauge', 'Bytes of the log.', [['', log.bytes]]);
    metric('devices', 'gauge', 'Cards.', [['', model.names('device').length]]);
    metric('programs', 'gauge', 'Programs.', [['', kernel.progs().length]]);
    metric('maps', 'gauge', 'Maps.', [['', kernel.maps().length]]);
    const sources = model.all('traffic');
    const by = (count: (source: (typeof sources)[number]) => number) =>
      sources.map((source) => [`source="${source.name}",dev="${source.dev}"`, count(source)] as const);
    metric(
      'traffic_packets_total',
      'counter',
      'Packets that arrived, by source.',
      by(({ sent }) => sent),
    );
    metric(
      'traffic_bytes_total',
      'counter',
      'Bytes that arrived, by source.',
      by(({ bytes }) => bytes),
    );
    const decided = sources.flatMap(({ name, dev, decided: places }) =>
      Object.entries(places).flatMap(([mode, counts]) =>
        Object.entries(counts).map(
          ([verdict, n]) => [`source="${name}",dev="${dev}",mode="${mode}",verdict="${verdict}"`, n] as const,
        ),
      ),
    );
    metric(
      'traffic_verdicts_total',
      'counter',
      'Packets by source, place and verdict.',
      decided.filter(([, n]) => n > 0),
    );
    const messages = kernel.maps().map(({ id }) => [`map="${id}"`, kernel.messagesOf(id)] as const);
    metric(
      'card_messages_total',
      'counter',
      'Messages of the control plane to cards, by map.',
      messages.filter(([, n]) => n > 0),
    );
    const { delivered, lost, unread } = kernel.events.counts;
    metric('events_total', 'counter', 'Records of programs for readers: delivered, lost in a full ring, unread.', [
      ['outcome="delivered"', delivered],
      ['outcome="lost"', lost],
      ['outcome="unread"', unread],
    ]);
    return `${lines.join('\n')}\n`;
  }
}
