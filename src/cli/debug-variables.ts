/** Scopes of the debugger as the tree of variables that editors show: a number stands for what can be opened. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { type Debugger, packetView, plainText, registerViews, stackViews } from '../debug/index.js';
import { count, hex } from '../text/index.js';
import { findGlobal, formatGlobal, globalsOf } from '../vm/index.js';

type Children = () => DebugProtocol.Variable[];

/** A scope of a frame. */
export interface ScopeView {
  readonly name: string;
  readonly reference: number;
  readonly isExpensive: boolean;
}

/** Numbers are good until the next stop. */
export class VariableTree {
  private opened: Children[] = [];

  /** At a stop: what was handed out is gone. */
  clear(): void {
    this.opened = [];
  }

  /** What there is to see in a frame; registers and stack are those of the innermost one. */
  scopes(debug: Debugger, isInnermost: boolean): ScopeView[] {
    const scope = (name: string, children: Children, isExpensive = false): ScopeView => ({
      name,
      reference: this.add(children),
      isExpensive,
    });
    return [
      ...(isInnermost
        ? [scope('Registers', () => this.registers(debug)), scope('Stack', () => this.stack(debug))]
        : []),
      scope('Packet', () => this.packet(debug)),
      scope('Globals', () => this.globals(debug)),
      scope('Maps', () => this.maps(debug), true),
      ...(isInnermost ? [scope('Verifier', () => this.known(debug), true)] : []),
    ];
  }

  /** What is behind a number; nothing where it is an old one. */
  children(reference: number): DebugProtocol.Variable[] {
    return this.opened[reference - 1]?.() ?? [];
  }

  /** What a variable that was shown is called in an expression; undefined: it has no such name. */
  expressionOf(reference: number, name: string): string | undefined {
    return this.children(reference).find((one) => one.name === name)?.evaluateName;
  }

  /** A number for the parts of a value; 0: it has none. */
  reference(parts: unknown): number {
    if (typeof parts !== 'object' || parts === null) return 0;
    return this.add(() => Object.entries(parts).map(([name, part]) => this.variable(name, part)));
  }

  private add(children: Children): number {
    return this.opened.push(children);
  }

  private variable(name: string, value: unknown, evaluateName?: string): DebugProtocol.Variable {
    const own = evaluateName === undefined ? {} : { evaluateName };
    return { name, value: plainText(value) ?? '', variablesReference: this.reference(value), ...own };
  }

  private registers(debug: Debugger): DebugProtocol.Variable[] {
    // Editors open this scope at every stop: the verifier, which may take a while, has one of its own.
    return registerViews(debug, false).map(({ name, text, symbol }) => ({
      name,
      value: symbol === undefined ? text : `${text} ${symbol}`,
      evaluateName: name,
      variablesReference: 0,
    }));
  }

  private stack(debug: Debugger): DebugProtocol.Variable[] {
    return stackViews(debug, false).map(({ offset, bytes, symbol }) => ({
      name: `fp${offset}`,
      value: `${hex(bytes, ' ')}${symbol === undefined ? '' : `  ${symbol}`}`,
      evaluateName: `u64[r10 - ${-offset}]`,
      variablesReference: 0,
    }));
  }

  private packet(debug: Debugger): DebugProtocol.Variable[] {
    const { bytes, headers, payload } = packetView(debug);
    return [
      ...headers.map(({ label, fields }) => ({
        name: label,
        value: fields.map(({ name, text }) => `${name.slice(label.length + 1)} ${text}`).join(', '),
        variablesReference: this.add(() =>
          fields.map(({ name, text, arrived }) => ({
            name: name.slice(label.length + 1),
            value: arrived === undefined ? text : `${text} (was ${arrived})`,
            evaluateName: name,
            variablesReference: 0,
          })),
        ),
      })),
      ...(payload.length === 0
        ? []
        : [
            {
              name: 'payload',
              value: `${payload.length} bytes: ${hex(payload.subarray(0, 64), ' ')}`,
              variablesReference: 0,
            },
          ]),
      { name: 'length', value: String(bytes.length), evaluateName: 'len', variablesReference: 0 },
    ];
  }

  private globals({ object, machine }: Debugger): DebugProtocol.Variable[] {
    return globalsOf(object).map(({ name, map }) => {
      const section = machine.maps[map]?.lookupElem(new Uint8Array(4));
      const value = section instanceof Uint8Array ? formatGlobal(object, findGlobal(object, name), section) : undefined;
      return this.variable(name, value, name);
    });
  }

  private maps({ machine, mapsBefore }: Debugger): DebugProtocol.Variable[] {
    return machine.maps
      .filter(({ spec }) => spec.init?.kind !== 'data')
      .map((map) => {
        const { name, type, elements } = mapsBefore.view(map);
        return {
          name,
          value: `${type}, ${count(elements.length, 'element')}`,
          variablesReference: this.add(() =>
            elements.map(({ key, value, before, change }) => ({
              name: key === '' ? '(element)' : `[${key}]`,
              value: `${value ?? 'deleted'}${change === 'changed' ? ` (was ${before})` : change === 'new' ? ' (new)' : ''}`,
              variablesReference: 0,
            })),
          ),
        };
      });
  }

  private known(debug: Debugger): DebugProtocol.Variable[] {
    const registers = registerViews(debug).map(({ name, known }) => [name, known] as const);
    const slots = stackViews(debug).map(({ offset, known }) => [`fp${offset}`, known] as const);
    return [...registers, ...slots].flatMap(([name, known]) =>
      known === undefined ? [] : [{ name, value: known, variablesReference: 0 }],
    );
  }
}
