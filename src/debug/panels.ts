/** Views as text of a given width: what the terminal shows. Marks are characters, colour only repeats them. */

import { verdictName } from '../platform/index.js';
import { count, hex, printable } from '../text/index.js';
import { formatOutput } from '../vm/index.js';
import type { Debugger } from './debugger.js';
import type { Expression } from './expression.js';
import { functionAt } from './lines.js';
import type { MapView } from './map-snapshot.js';
import { stopText } from './stops.js';
import { codeViews, type LineView, lineViews, packetView, registerViews, stackViews } from './views.js';

/** Colours, or none. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** Lines of a source file, where it is at hand. */
export type SourceReader = (file: string) => readonly string[] | undefined;

/** Elements of a map that are shown unless all are asked for. */
const shownElements = 12;

/** The text of everything there is to see. */
export class Panels {
  private readonly debug: Debugger;
  private readonly width: number;
  private readonly paint: Paint;
  private readonly source: SourceReader;

  constructor(
    debug: Debugger,
    options: { readonly width: number; readonly paint: Paint; readonly source: SourceReader },
  ) {
    this.debug = debug;
    this.width = options.width;
    this.paint = options.paint;
    this.source = options.source;
  }

  /** What is shown when it stops: why, where, the line, the instruction, and what is new. */
  stop(): string {
    const { debug, paint } = this;
    const left = this.reasonText();
    const right = `step ${debug.position} of ${debug.execution.length}`;
    const head = `${left}${' '.repeat(Math.max(2, this.width - left.length - right.length))}${right}`;
    const changes = this.changes();
    const watches = debug.watches.map((watch) => this.line(`  ${watch.text} = ${this.valueText(watch)}`));
    return [
      paint.bold(head.trimEnd()),
      ...(debug.isAtEnd ? [this.ending()] : [this.where(), ...this.lines(2), this.insn()]),
      ...changes,
      ...watches,
      '',
    ].join('\n');
  }

  private reasonText(): string {
    const { reason, execution } = this.debug;
    switch (reason.kind) {
      case 'start':
        return 'the packet arrives';
      case 'step':
        return 'stepped';
      case 'breakpoint':
        return `breakpoint ${reason.stop.number}`;
      case 'change':
        return `watchpoint ${reason.stop.number}: ${stopText(reason.stop).replace(/^change of /, '')}: ${reason.from} -> ${reason.to}`;
      case 'end':
        return execution.ending.trap === undefined
          ? `the end: ${verdictName(execution.ending.verdict)}`
          : 'stopped by a fault';
    }
  }

  /** How it ended. */
  ending(): string {
    const { execution, machine } = this.debug;
    const { verdict, trap } = execution.ending;
    if (trap !== undefined) return this.line(`  ${trap}`);
    const name = verdictName(verdict);
    const target = name === 'REDIRECT' ? machine.redirect : undefined;
    const where =
      target === undefined
        ? ''
        : ` to ${JSON.stringify(target, (_, value) => (typeof value === 'bigint' ? value.toString() : value))}`;
    return `  the program returns ${verdict}: ${name}${where}, after ${count(execution.length, 'instruction')}`;
  }

  /** `in parse_ip, prog.c:57`. */
  where(): string {
    const [frame] = this.debug.frames;
    if (frame === undefined) return '  nothing ran';
    const { fn, source } = this.debug.whereIs(frame);
    const place = source === undefined ? '' : `, ${source.file.replace(/^.*\//, '')}:${source.line}`;
    return this.line(`in ${fn}${place}`);
  }

  /** Lines around the one at hand, or around another. */
  lines(around: number, center?: { readonly file: string; readonly line: number }): string[] {
    return lineViews(this.debug, around, this.source, center)
      .filter(({ text, isHere }) => text !== undefined || isHere)
      .map((view) => this.sourceLine(view));
  }

  private sourceLine({ line, text = '', isHere, stop }: LineView): string {
    const mark = `${stop === undefined ? ' ' : '*'}${isHere ? '>' : ' '}`;
    const whole = this.line(`${mark}${String(line).padStart(5)}  ${text.replace(/\t/g, '  ')}`);
    return isHere ? this.paint.bold(whole) : whole;
  }

  /** The instruction at hand. */
  private insn(): string {
    const here = codeViews(this.debug, 0)[0];
    return here === undefined ? '' : this.paint.cyan(this.line(`  insn ${here.pc}: ${here.text}`));
  }

  /** Registers and fields that are new since the stop before. */
  private changes(): string[] {
    const { debug } = this;
    if (debug.before === undefined) return [];
    const registers = registerViews(debug, false)
      .filter(({ isChanged }) => isChanged)
      .map(({ name, text, symbol }) => `${name} = ${text}${symbol === undefined ? '' : ` ${symbol}`}`);
    const fields = packetView(debug).headers.flatMap(({ fields: all }) =>
      all.filter(({ isChanged }) => isChanged).map(({ name, text }) => `${name} = ${text}`),
    );
    const lines = registers.length === 0 ? [] : this.joined('  ', registers);
    return fields.length === 0
      ? lines
      : [...lines, ...this.joined('  packet: ', fields).map((text) => this.paint.yellow(text))];
  }

  /** All registers: changed ones are marked with `*`. */
  registers(): string {
    const views = registerViews(this.debug);
    const wide = Math.max(...views.map(({ text }) => text.length));
    const symbols = Math.max(0, ...views.map(({ symbol }) => symbol?.length ?? 0));
    return this.text(
      views.map(({ name, text, symbol = '', known, isChanged }) => {
        const told = `${isChanged ? '*' : ' '} ${name.padEnd(4)}${text.padEnd(wide)}  ${symbol}`;
        const fits = known === undefined || 10 + wide + symbols + known.length <= this.width;
        const line = known === undefined ? told : `${told.padEnd(fits ? 9 + wide + symbols : 0)}  ${known}`;
        return isChanged ? this.paint.yellow(this.line(line)) : this.line(line);
      }),
    );
  }

  /** The innermost frame, from the frame pointer down. */
  stack(): string {
    const slots = stackViews(this.debug);
    if (slots.length === 0) return '  the frame holds zeros\n';
    return this.text(
      slots.map(({ offset, bytes, value, symbol, known, isChanged }) => {
        const what = [symbol ?? (value < 0x10000n ? value.toString() : ''), known ?? '']
          .filter((part) => part !== '')
          .join('  ');
        const line = this.line(`${isChanged ? '*' : ' '} fp${String(offset).padEnd(5)} ${hex(bytes, ' ')}  ${what}`);
        return isChanged ? this.paint.yellow(line) : line;
      }),
    );
  }

  /** The packet, field by field: `*` marks what is new since the stop before, `was` what is not as it arrived. */
  packet(): string {
    const { bytes, arrivedLength, headers, payload, isPayloadChanged } = packetView(this.debug);
    const length = bytes.length === arrivedLength ? '' : `, ${arrivedLength} as it arrived`;
    const lines = [`  ${count(bytes.length, 'byte')}${length}`];
    for (const { label, fields } of headers) {
      const texts = fields.map(({ name, text, arrived, isChanged }) => {
        const was = arrived === undefined ? '' : ` (was ${arrived})`;
        return `${isChanged ? '*' : ''}${name.slice(label.length + 1)} ${text}${was}`;
      });
      lines.push(...this.joined(`  ${label.padEnd(6)}`, texts));
    }
    if (payload.length > 0) {
      const shown = Math.min(payload.length, Math.max(8, Math.floor((this.width - 40) / 3)));
      const rest = payload.length > shown ? ' ...' : '';
      const was = isPayloadChanged ? ', not as it arrived' : '';
      lines.push(`  ${count(payload.length, 'byte')} behind${was}: ${hex(payload.subarray(0, shown), ' ')}${rest}`);
    }
    return this.text(lines.map((line) => (/\*| \(was /.test(line) ? this.paint.yellow(line) : line)));
  }

  /** Sixteen bytes a line. */
  bytes(): string {
    const { bytes } = packetView(this.debug);
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += 16)
      lines.push(`  ${String(at).padStart(4)}  ${hex(bytes.subarray(at, at + 16), ' ')}`);
    return this.text(lines);
  }

  /** All maps, or one: `+` new, `*` changed, `-` gone since the packet arrived. Undefined: there is no such map. */
  maps(name?: string): string | undefined {
    const maps = this.debug.machine.maps.filter(({ spec }) => name === undefined || spec.name === name);
    if (maps.length === 0) return name === undefined ? '  the program has no maps\n' : undefined;
    return maps
      .map((map) =>
        this.mapText(this.debug.mapsBefore.view(map), name === undefined ? shownElements : Number.POSITIVE_INFINITY),
      )
      .join('');
  }

  private mapText({ name, type, elements, isCut }: MapView, most: number): string {
    const marks = { none: ' ', new: '+', changed: '*', gone: '-' } as const;
    const total = isCut ? `more than ${elements.length} elements` : count(elements.length, 'element');
    const lines = [`${name} (${type}, ${total})`];
    for (const { key, value, before, change } of elements.slice(0, most)) {
      const now = value ?? 'deleted';
      const was = change === 'changed' ? ` (was ${before})` : '';
      const line = this.line(`${marks[change]} ${key === '' ? '' : `[${key}] `}${now}${was}`);
      lines.push(change === 'none' ? line : this.paint.yellow(line));
    }
    if (elements.length > most) lines.push(`  ... and ${elements.length - most} more: maps ${name}`);
    return this.text(lines);
  }

  /** Instructions around the one at hand. */
  code(around: number): string {
    return this.text(
      codeViews(this.debug, around).map(({ pc, text, isHere }) => {
        const line = this.line(` ${isHere ? '>' : ' '}${String(pc).padStart(5)}  ${text}`);
        return isHere ? this.paint.bold(line) : line;
      }),
    );
  }

  /** What the verifier knows before the instruction at hand, over all ways that lead there. */
  known(): string {
    const { debug } = this;
    const registers = registerViews(debug).filter(({ known }) => known !== undefined);
    const slots = stackViews(debug).filter(({ known }) => known !== undefined);
    if (registers.length + slots.length === 0)
      return debug.isAtEnd
        ? '  the program has ended\n'
        : '  nothing: the verifier was not asked, or refuses the program\n';
    return this.text([
      ...registers.map(({ name, known }) => this.line(`  ${name.padEnd(7)} ${known}`)),
      ...slots.map(({ offset, known }) => this.line(`  fp${String(offset).padEnd(5)} ${known}`)),
    ]);
  }

  /** Open frames, innermost first. */
  frames(): string {
    return this.text(
      this.debug.frames.map((frame, i) => {
        const { source } = this.debug.whereIs(frame);
        const place = source === undefined ? '' : ` at ${source.file.replace(/^.*\//, '')}:${source.line}`;
        return this.line(
          `${i === 0 ? '>' : ' '} ${functionAt(frame.program.spec, frame.pc)}${place}, insn ${frame.pc}`,
        );
      }),
    );
  }

  /** Breakpoints, watchpoints and what is displayed. */
  stops(): string {
    const { stops, watches } = this.debug;
    const lines = stops.map((stop) =>
      this.line(`  ${String(stop.number).padStart(2)}  ${stop.isEnabled ? '' : '(off) '}${stopText(stop)}`),
    );
    const shown = watches.map((watch, i) => this.line(`  ${String(i + 1).padStart(2)}  display ${watch.text}`));
    return lines.length + shown.length === 0
      ? '  none: break LINE, watch EXPRESSION\n'
      : this.text([...lines, ...shown]);
  }

  /** Lines and records that were put out so far. */
  outputs(): string {
    const { execution, position, machine } = this.debug;
    const all = execution.outputsAt(position);
    if (all.length === 0) return '  nothing so far\n';
    return this.text(
      all.map((output) => {
        const { where, text } = formatOutput(machine.object, output, new Map());
        return this.line(`  ${where}: ${text}`);
      }),
    );
  }

  /** An expression's value; an error of it in words. */
  valueText(expression: Expression): string {
    try {
      return expression.evaluate(this.debug.execution)?.text ?? 'not there';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Parts behind each other, as many a line as fit. */
  private joined(head: string, parts: readonly string[]): string[] {
    const lines: string[] = [];
    let line = head;
    for (const part of parts) {
      const isFirst = line === head || line.trim() === '';
      if (!isFirst && line.length + 2 + part.length > this.width) {
        lines.push(this.line(line));
        line = ' '.repeat(head.length);
      }
      line += line.length === head.length ? part : `  ${part}`;
    }
    return [...lines, this.line(line)];
  }

  /** One line, cut to the width; what is no visible character is its number. */
  private line(text: string): string {
    const shown = printable(text.replaceAll('\n', ' '));
    return shown.length > this.width ? `${shown.slice(0, this.width - 3)}...` : shown.trimEnd();
  }

  private text(lines: readonly string[]): string {
    return lines.map((line) => `${line}\n`).join('');
  }
}
