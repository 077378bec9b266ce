/**
 * Runs functions of the verifier on symbolic values, straight from their source: what is proved is the code that runs,
 * not a copy of it.
 *
 * Both sides of a branch on something symbolic are executed, each under its condition (*guard*): an assignment under a
 * guard keeps the old value where the guard does not hold, and a `return` takes its guard away from everything behind
 * it. So functions come back with one value that names all cases. Understood is the part of the language that
 * src/verifier's arithmetic is written in; anything else is an error that names the place.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { InternalError } from '../../base/index.js';
import { type Bool, type Int, type Numbers, truth } from './numbers.js';

/** An object of the program that is run: fields by name, and the class that it is of. */
export interface Obj {
  readonly kind: 'object';
  readonly fields: Map<string, Value>;
  readonly of: ClassValue | undefined;
}

/** Several values, of which the one whose condition holds. */
interface Choice {
  readonly kind: 'choice';
  readonly cases: readonly (readonly [when: Bool, value: Value])[];
}

/** A class of the sources, from which instances are made. */
interface ClassValue {
  readonly kind: 'class';
  readonly node: ts.ClassDeclaration;
  readonly module: Module;
}

type Callable = ts.FunctionDeclaration | ts.ArrowFunction | ts.MethodDeclaration | ts.GetAccessorDeclaration;

/** A function with the module whose names it sees, and the object if it is a method. */
interface Closure {
  readonly kind: 'function';
  readonly node: Callable;
  readonly module: Module;
  readonly self: Obj | undefined;
}

/** An array whose length is known. */
interface List {
  readonly kind: 'list';
  readonly items: readonly Value[];
}

interface Nothing {
  readonly kind: 'undefined';
}

/** Whatever an expression can yield. */
export type Value = Int | Bool | Obj | Choice | ClassValue | Closure | List | Nothing;

/**
 * A source file. `names` are what has a value already; the initializers of its constants wait in `pending` until one
 * is looked up, so order does not matter and what is never used is never run.
 */
interface Module {
  readonly name: string;
  readonly file: ts.SourceFile;
  readonly names: Map<string, Value>;
  /** Name -> module that it comes from; only modules of the same folder are followed. */
  readonly imports: Map<string, string>;
  readonly pending: Map<string, ts.Expression>;
}

/** One call under way. */
interface Frame {
  readonly module: Module;
  readonly self: Obj | undefined;
  readonly locals: Map<string, Value>;
  /** Under which the current statement executes. */
  guard: Bool;
  /** What was returned so far, each under the guard that held there. */
  readonly returns: (readonly [when: Bool, value: Value])[];
}

const nothing: Nothing = { kind: 'undefined' };

/**
 * Functions and methods that the proofs treat on their own, by name: what a call yields. `self` is a method's object.
 */
export type Stubs = ReadonlyMap<string, (code: Symbolic, self: Value, args: readonly Value[]) => Value>;

/**
 * An interpreter of TypeScript that does not know the values. Modules are read when something in them is first needed.
 */
export class Symbolic {
  readonly numbers: Numbers;
  private readonly folder: string;
  private readonly stubs: Stubs;
  private readonly constants: ReadonlyMap<string, Value>;
  private readonly modules = new Map<string, Module>();

  /** `folder` holds the sources; `constants` are names that come from elsewhere (`op.ADD` as `op`). */
  constructor(numbers: Numbers, folder: string, stubs: Stubs, constants: ReadonlyMap<string, Value>) {
    this.numbers = numbers;
    this.folder = folder;
    this.stubs = stubs;
    this.constants = constants;
  }

  /** Calls an exported or internal function of a module. */
  call(module: string, name: string, ...args: readonly Value[]): Value {
    const stub = this.stubs.get(name);
    if (stub !== undefined) return stub(this, nothing, args);
    return this.apply(this.lookup(this.module(module), name), args, truth(true));
  }

  /** Calls a method or getter of an object, under no condition. */
  method(self: Obj, name: string, ...args: readonly Value[]): Value {
    return this.apply(this.member(self, name, truth(true)), args, truth(true));
  }

  /** A new object of a class, with the fields that its declarations initialize; constructors are not run. */
  construct(module: string, name: string): Obj {
    const made = this.lookup(this.module(module), name);
    if (made.kind !== 'class') throw new InternalError('prove', `${name} is no class`);
    return this.instance(made);
  }

  /** The module of that name, read and its declarations noted on first use. */
  private module(name: string): Module {
    let module = this.modules.get(name);
    if (module !== undefined) return module;
    const path = `${this.folder}/${name}.ts`;
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
    module = { name, file, names: new Map(), imports: new Map(), pending: new Map() };
    this.modules.set(name, module);
    for (const statement of file.statements) this.declare(module, statement);
    return module;
  }

  /** Notes what a statement declares; functions and classes have their values at once. */
  private declare(module: Module, statement: ts.Statement): void {
    if (ts.isFunctionDeclaration(statement) && statement.name !== undefined) {
      module.names.set(statement.name.text, { kind: 'function', node: statement, module, self: undefined });
    } else if (ts.isClassDeclaration(statement) && statement.name !== undefined) {
      module.names.set(statement.name.text, { kind: 'class', node: statement, module });
    } else if (ts.isVariableStatement(statement)) {
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (ts.isIdentifier(name) && initializer !== undefined) module.pending.set(name.text, initializer);
      }
    } else if (ts.isImportDeclaration(statement)) {
      const from = (statement.moduleSpecifier as ts.StringLiteral).text.replace(/^\.\/|\.js$/g, '');
      const bindings = statement.importClause?.namedBindings;
      if (bindings !== undefined && ts.isNamedImports(bindings)) {
        for (const { name } of bindings.elements) module.imports.set(name.text, from);
      }
    }
  }

  /** The value of a name: of this module, handed in from outside, a constant that is evaluated now, or an import. */
  private lookup(module: Module, name: string): Value {
    const found = module.names.get(name);
    if (found !== undefined) return found;
    const constant = this.constants.get(name);
    if (constant !== undefined) return constant;
    const pending = module.pending.get(name);
    if (pending !== undefined) {
      const frame: Frame = { module, self: undefined, locals: new Map(), guard: truth(true), returns: [] };
      const value = this.evaluate(frame, pending);
      module.names.set(name, value);
      return value;
    }
    const from = module.imports.get(name);
    if (from === undefined) throw new InternalError('prove', `${module.name}: unknown name ${name}`);
    return this.lookup(this.module(from), name);
  }

  /** A construct that is not understood is an error, never a guess: a proof of something else would be none. */
  private fail(frame: Frame, node: ts.Node): never {
    const { line } = frame.module.file.getLineAndCharacterOfPosition(node.getStart());
    throw new InternalError('prove', `${frame.module.name}.ts:${line + 1}: not understood: ${node.getText()}`);
  }

  /** An object with its fields' initial values. */
  private instance(made: ClassValue): Obj {
    const self: Obj = { kind: 'object', fields: new Map(), of: made };
    const frame: Frame = { module: made.module, self, locals: new Map(), guard: truth(true), returns: [] };
    for (const member of made.node.members) {
      if (!ts.isPropertyDeclaration(member) || member.initializer === undefined) continue;
      self.fields.set(member.name.getText(), this.evaluate(frame, member.initializer));
    }
    return self;
  }

  /** Calls a function: arguments bound, body executed, and the values of all its returns merged into one. */
  private apply(callee: Value, args: readonly Value[], guard: Bool): Value {
    if (callee.kind !== 'function') throw new InternalError('prove', 'call of something that is no function');
    const { node, module, self } = callee;
    const frame: Frame = { module, self, locals: new Map(), guard, returns: [] };
    for (const [i, parameter] of node.parameters.entries()) this.bind(frame, parameter.name, args[i] ?? nothing);
    const { body } = node;
    if (body === undefined) return nothing;
    if (!ts.isBlock(body)) return this.evaluate(frame, body);
    this.block(frame, body.statements);
    if (frame.returns.length === 0) return nothing;
    // Where some way reaches the end without a return it yields undefined.
    if (frame.guard.is !== false) frame.returns.push([frame.guard, nothing]);
    return this.merge(frame.returns);
  }

  /** The one value of several cases; they cover everything. */
  private merge(cases: readonly (readonly [Bool, Value])[]): Value {
    const possible = cases.filter(([when]) => when.is !== false);
    const [last, ...rest] = [...possible].reverse();
    if (last === undefined) return nothing;
    return rest.reduce((otherwise, [when, value]) => this.select(when, value, otherwise), last[1]);
  }

  /**
   * `then` where the condition holds, else `otherwise`: lists and objects element by element, so that they stay what
   * they are; values of different kinds become a choice, which only the caller of the whole function may look into.
   */
  private select(when: Bool, then: Value, otherwise: Value): Value {
    if (when.is === true || then === otherwise) return then;
    if (when.is === false) return otherwise;
    const { numbers } = this;
    if (then.kind === 'int' && otherwise.kind === 'int') return numbers.choose(when, then, otherwise);
    if (then.kind === 'bool' && otherwise.kind === 'bool') return numbers.chooseBool(when, then, otherwise);
    if (then.kind === 'list' && otherwise.kind === 'list') {
      return {
        kind: 'list',
        items: then.items.map((item, i) => this.select(when, item, otherwise.items[i] ?? nothing)),
      };
    }
    if (then.kind === 'object' && otherwise.kind === 'object') {
      const fields = new Map<string, Value>();
      for (const [name, value] of then.fields)
        fields.set(name, this.select(when, value, otherwise.fields.get(name) ?? nothing));
      return { kind: 'object', fields, of: then.of };
    }
    const not = numbers.no(when);
    const casesOf = (value: Value, guard: Bool): (readonly [Bool, Value])[] =>
      value.kind === 'choice' ? value.cases.map(([w, v]) => [numbers.and(guard, w), v] as const) : [[guard, value]];
    return { kind: 'choice', cases: [...casesOf(then, when), ...casesOf(otherwise, not)] };
  }

  /** Gives a value to a name, or the parts of it to a pattern. */
  private bind(frame: Frame, name: ts.BindingName, value: Value): void {
    if (ts.isIdentifier(name)) {
      frame.locals.set(name.text, value);
      return;
    }
    for (const [i, element] of name.elements.entries()) {
      if (ts.isOmittedExpression(element)) continue;
      if (ts.isArrayBindingPattern(name)) {
        if (value.kind !== 'list') this.fail(frame, name);
        this.bind(frame, element.name, value.items[i] ?? nothing);
      } else
        this.bind(
          frame,
          element.name,
          this.member(value, (element.propertyName ?? element.name).getText(), frame.guard),
        );
    }
  }

  /** Statements one after another, until no way leads to the next. */
  private block(frame: Frame, statements: readonly ts.Statement[]): void {
    for (const statement of statements) {
      if (frame.guard.is === false) return;
      this.statement(frame, statement);
    }
  }

  /**
   * A statement under the frame's guard. Both sides of an `if` run, each under the guard and its condition; behind it
   * holds whichever of the two is left.
   */
  private statement(frame: Frame, node: ts.Statement): void {
    const { numbers } = this;
    if (ts.isBlock(node)) this.block(frame, node.statements);
    else if (ts.isVariableStatement(node)) {
      for (const { name, initializer } of node.declarationList.declarations)
        this.bind(frame, name, initializer === undefined ? nothing : this.evaluate(frame, initializer));
    } else if (ts.isExpressionStatement(node)) this.evaluate(frame, node.expression);
    else if (ts.isReturnStatement(node)) {
      frame.returns.push([
        frame.guard,
        node.expression === undefined ? nothing : this.evaluate(frame, node.expression),
      ]);
      // Nothing behind it happens on this way.
      frame.guard = truth(false);
    } else if (ts.isIfStatement(node)) {
      const test = this.test(frame, node.expression);
      const before = frame.guard;
      frame.guard = numbers.and(before, test);
      if (frame.guard.is !== false) this.statement(frame, node.thenStatement);
      const after = frame.guard;
      frame.guard = numbers.and(before, numbers.no(test));
      if (frame.guard.is !== false && node.elseStatement !== undefined) this.statement(frame, node.elseStatement);
      frame.guard = numbers.or(after, frame.guard);
    } else if (ts.isSwitchStatement(node)) this.switch(frame, node);
    else if (ts.isForStatement(node)) this.loop(frame, node);
    else this.fail(frame, node);
  }

  /** The discriminant has to be known. */
  private switch(frame: Frame, node: ts.SwitchStatement): void {
    const on = this.evaluate(frame, node.expression);
    const { clauses } = node.caseBlock;
    const matches = (clause: ts.CaseOrDefaultClause): boolean => {
      if (ts.isDefaultClause(clause)) return true;
      const value = this.evaluate(frame, clause.expression);
      return value.kind === 'int' && on.kind === 'int' && value.is === on.is;
    };
    const first = clauses.findIndex(matches);
    if (first < 0) return;
    for (const clause of clauses.slice(first)) {
      // Labels that share a body: the first clause that has one is theirs.
      if (clause.statements.length === 0) continue;
      this.block(
        frame,
        clause.statements.filter((statement) => !ts.isBreakStatement(statement)),
      );
      return;
    }
  }

  /** Only loops whose count is known. */
  private loop(frame: Frame, node: ts.ForStatement): void {
    const { initializer, condition, incrementor, statement } = node;
    if (initializer === undefined || condition === undefined || incrementor === undefined) this.fail(frame, node);
    if (!ts.isVariableDeclarationList(initializer)) this.fail(frame, node);
    for (const { name, initializer: value } of initializer.declarations)
      this.bind(frame, name, value === undefined ? nothing : this.evaluate(frame, value));
    for (let rounds = 0; this.test(frame, condition).is === true; rounds++) {
      // Far more than any loop of the arithmetic takes: this one is not understood.
      if (rounds > 100) this.fail(frame, node);
      this.statement(frame, statement);
      this.evaluate(frame, incrementor);
    }
  }

  /** The truth of an expression; undefined is false, as what may be undefined is asked with `if (x)`. */
  private test(frame: Frame, node: ts.Expression): Bool {
    const value = this.evaluate(frame, node);
    if (value.kind === 'bool') return value;
    if (value.kind === 'undefined') return truth(false);
    return this.fail(frame, node);
  }

  private integer(frame: Frame, node: ts.Expression): Int {
    const value = this.evaluate(frame, node);
    return value.kind === 'int' ? value : this.fail(frame, node);
  }

  /** The value of an expression. Assertions of type (`as`) are looked through. */
  private evaluate(frame: Frame, node: ts.Expression): Value {
    const { numbers } = this;
    if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return this.evaluate(frame, node.expression);
    if (ts.isBigIntLiteral(node)) return numbers.int(BigInt(node.text.slice(0, -1).replaceAll('_', '')), false);
    if (ts.isNumericLiteral(node)) return numbers.int(Number(node.text.replaceAll('_', '')));
    if (node.kind === ts.SyntaxKind.TrueKeyword) return truth(true);
    if (node.kind === ts.SyntaxKind.FalseKeyword) return truth(false);
    if (node.kind === ts.SyntaxKind.ThisKeyword) return frame.self ?? this.fail(frame, node);
    if (ts.isIdentifier(node)) return this.identifier(frame, node.text);
    if (ts.isPropertyAccessExpression(node))
      return this.member(this.evaluate(frame, node.expression), node.name.text, frame.guard);
    if (ts.isCallExpression(node)) return this.callExpression(frame, node);
    if (ts.isNewExpression(node)) {
      const made = this.evaluate(frame, node.expression);
      return made.kind === 'class' ? this.instance(made) : this.fail(frame, node);
    }
    if (ts.isArrowFunction(node)) return { kind: 'function', node, module: frame.module, self: frame.self };
    if (ts.isArrayLiteralExpression(node))
      return { kind: 'list', items: node.elements.map((item) => this.evaluate(frame, item)) };
    if (ts.isObjectLiteralExpression(node)) return this.objectLiteral(frame, node);
    if (ts.isConditionalExpression(node)) return this.conditional(frame, node);
    if (ts.isPrefixUnaryExpression(node)) return this.prefix(frame, node);
    if (ts.isPostfixUnaryExpression(node)) {
      const operator = node.operator === ts.SyntaxKind.PlusPlusToken ? '+' : '-';
      const old = this.integer(frame, node.operand);
      this.assign(frame, node.operand, numbers.binary(operator, old, numbers.int(1n, old.narrow)));
      return old;
    }
    if (ts.isBinaryExpression(node)) return this.binary(frame, node);
    if (ts.isElementAccessExpression(node)) return this.element(frame, node);
    return this.fail(frame, node);
  }

  private identifier(frame: Frame, name: string): Value {
    if (name === 'undefined') return nothing;
    return frame.locals.get(name) ?? this.lookup(frame.module, name);
  }

  /** An entry of a table by a known number, e.g. by an opcode. */
  private element(frame: Frame, node: ts.ElementAccessExpression): Value {
    const table = this.evaluate(frame, node.expression);
    const key = this.evaluate(frame, node.argumentExpression);
    if (table.kind !== 'object' || key.kind !== 'int' || typeof key.is !== 'bigint') return this.fail(frame, node);
    return table.fields.get(String(key.is)) ?? nothing;
  }

  private objectLiteral(frame: Frame, node: ts.ObjectLiteralExpression): Obj {
    const fields = new Map<string, Value>();
    for (const property of node.properties) {
      if (ts.isPropertyAssignment(property))
        fields.set(this.key(frame, property.name), this.evaluate(frame, property.initializer));
      else if (ts.isShorthandPropertyAssignment(property))
        fields.set(property.name.text, this.identifier(frame, property.name.text));
      else this.fail(frame, node);
    }
    return { kind: 'object', fields, of: undefined };
  }

  private key(frame: Frame, name: ts.PropertyName): string {
    if (!ts.isComputedPropertyName(name)) return name.getText().replaceAll("'", '');
    const value = this.integer(frame, name.expression);
    return String(value.is);
  }

  /** `a ? b : c`: both are evaluated if the test is not known. Neither may have effects. */
  private conditional(frame: Frame, node: ts.ConditionalExpression): Value {
    const test = this.test(frame, node.condition);
    if (test.is === true) return this.evaluate(frame, node.whenTrue);
    if (test.is === false) return this.evaluate(frame, node.whenFalse);
    return this.select(test, this.evaluate(frame, node.whenTrue), this.evaluate(frame, node.whenFalse));
  }

  private prefix(frame: Frame, node: ts.PrefixUnaryExpression): Value {
    const { numbers } = this;
    switch (node.operator) {
      case ts.SyntaxKind.ExclamationToken:
        return numbers.no(this.test(frame, node.operand));
      case ts.SyntaxKind.TildeToken:
        return numbers.not(this.integer(frame, node.operand));
      case ts.SyntaxKind.MinusToken:
        return numbers.negate(this.integer(frame, node.operand));
      default:
        return this.fail(frame, node);
    }
  }

  /** Operators of two operands. `&&` and `||` evaluate their right side only if the left is not known to decide. */
  private binary(frame: Frame, node: ts.BinaryExpression): Value {
    const { numbers } = this;
    const operator = node.operatorToken.getText();
    if (operator === '&&' || operator === '||') {
      const left = this.test(frame, node.left);
      if (left.is === (operator === '||')) return left;
      const right = this.test(frame, node.right);
      return operator === '&&' ? numbers.and(left, right) : numbers.or(left, right);
    }
    if (operator === '??') {
      const left = this.evaluate(frame, node.left);
      return left.kind === 'undefined' ? this.evaluate(frame, node.right) : left;
    }
    if (operator === '=') return this.assign(frame, node.left, this.evaluate(frame, node.right));
    if (/^[-+|&^]=$|^(<<|>>)=$/.test(operator)) {
      const value = numbers.binary(
        operator.slice(0, -1),
        this.integer(frame, node.left),
        this.integer(frame, node.right),
      );
      return this.assign(frame, node.left, value);
    }
    const [left, right] = [this.evaluate(frame, node.left), this.evaluate(frame, node.right)];
    if (left.kind === 'int' && right.kind === 'int') {
      if (/^[<>]=?$|^[!=]==$/.test(operator)) return numbers.compare(operator, left, right);
      return numbers.binary(operator, left, right);
    }
    if (left.kind === 'bool' && right.kind === 'bool') {
      const same = numbers.same(left, right);
      return operator === '===' ? same : numbers.no(same);
    }
    // What is left are objects, equal if they are the same, and undefined.
    if (operator === '===') return truth(left === right || (left.kind === right.kind && left.kind === 'undefined'));
    if (operator === '!==') return truth(!(left === right || (left.kind === right.kind && left.kind === 'undefined')));
    return this.fail(frame, node);
  }

  /** Assigns to a local or a field: under the guard, so that the old value stays where the guard does not hold. */
  private assign(frame: Frame, target: ts.Expression, value: Value): Value {
    if (ts.isIdentifier(target)) {
      const old = frame.locals.get(target.text) ?? nothing;
      frame.locals.set(target.text, old.kind === 'undefined' ? value : this.select(frame.guard, value, old));
      return value;
    }
    if (!ts.isPropertyAccessExpression(target)) return this.fail(frame, target);
    const object = this.evaluate(frame, target.expression);
    if (object.kind !== 'object') return this.fail(frame, target);
    const old = object.fields.get(target.name.text) ?? nothing;
    object.fields.set(target.name.text, old.kind === 'undefined' ? value : this.select(frame.guard, value, old));
    return value;
  }

  /** A field, a method, or what a getter gives. */
  private member(object: Value, name: string, guard: Bool): Value {
    if (object.kind !== 'object') throw new InternalError('prove', `.${name} of something that is no object`);
    const field = object.fields.get(name);
    if (field !== undefined) return field;
    const made = object.of;
    const member = made?.node.members.find((candidate) => candidate.name?.getText() === name);
    if (made === undefined || member === undefined) throw new InternalError('prove', `no member ${name}`);
    if (ts.isMethodDeclaration(member)) return { kind: 'function', node: member, module: made.module, self: object };
    if (ts.isGetAccessorDeclaration(member))
      return this.apply({ kind: 'function', node: member, module: made.module, self: object }, [], guard);
    throw new InternalError('prove', `member ${name} is neither method nor getter`);
  }

  /** A call: of JavaScript's own functions, of one that the proof replaces, or of the sources'. */
  private callExpression(frame: Frame, node: ts.CallExpression): Value {
    const text = node.expression.getText();
    const args = node.arguments.map((argument) => this.evaluate(frame, argument));
    const builtin = this.builtin(text, args);
    if (builtin !== undefined) return builtin;
    const method = ts.isPropertyAccessExpression(node.expression) ? node.expression : undefined;
    const stub = this.stubs.get(method?.name.text ?? text);
    if (stub !== undefined) {
      return stub(this, method === undefined ? nothing : this.evaluate(frame, method.expression), args);
    }
    return this.apply(this.evaluate(frame, node.expression), args, frame.guard);
  }

  /** The functions of JavaScript that the arithmetic uses; undefined for any other. */
  private builtin(name: string, args: readonly Value[]): Value | undefined {
    const { numbers } = this;
    const [a, b] = args;
    if (a?.kind !== 'int') return undefined;
    switch (name) {
      case 'Number':
        return numbers.as(true, a);
      case 'BigInt':
        return numbers.as(false, a);
      case 'Math.clz32':
        return numbers.clz32(a);
      case 'Math.min':
      case 'Math.max':
        return b?.kind === 'int'
          ? numbers.choose(numbers.compare(name === 'Math.min' ? '<' : '>', a, b), a, b)
          : undefined;
      case 'BigInt.asUintN':
      case 'BigInt.asIntN': {
        if (b?.kind !== 'int' || typeof a.is !== 'bigint') return undefined;
        return name === 'BigInt.asUintN' ? numbers.asUint(Number(a.is), b) : numbers.asInt(Number(a.is), b);
      }
      default:
        return undefined;
    }
  }
}
