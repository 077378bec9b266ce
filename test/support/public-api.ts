/**
 * The public face of the package, read from its sources: what each entry point exports, with signature and comment.
 * Goes by syntax alone (`isolatedDeclarations` makes every exported signature stand in its file), so that it takes a
 * second and not a compilation. Members marked `@internal` are no part of it, as in the built declarations
 * (`stripInternal`).
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

/** Entry points, by what users import. `jitnic` itself is all but the last. */
export const entryPoints: Readonly<Record<string, string>> = {
  'jitnic/object': 'api/object.ts',
  'jitnic/verifier': 'api/verifier.ts',
  'jitnic/optimizer': 'api/optimizer.ts',
  'jitnic/packet': 'api/packet.ts',
  'jitnic/runtime': 'api/runtime.ts',
  'jitnic/test': 'api/test.ts',
  'jitnic/nic': 'api/nic.ts',
  'jitnic/linux': 'linux/index.ts',
};

export interface PublicName {
  readonly name: string;
  /** What it is called where it is declared. */
  readonly declared: string;
  /** The file that declares it, below `src/`. */
  readonly file: string;
  /** Declaration without comments and bodies. */
  readonly signature: string;
  /** The same with the comments of its members. */
  readonly documented: string;
  /** Text of its comment, as it is written but for the stars; empty if there is none. */
  readonly comment: string;
  /**
   * Types that the declaration names, with the files that declare them; those of the language and of packages are left
   * out.
   */
  readonly types: readonly { readonly name: string; readonly file: string }[];
}

interface Module {
  readonly declarations: ReadonlyMap<string, ts.Statement>;
  /** Local name -> where it comes from. */
  readonly imports: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
  readonly reexports: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
  /** `export * from` these. */
  readonly stars: readonly string[];
  readonly source: ts.SourceFile;
}

const modules = new Map<string, Module>();
const printer = ts.createPrinter({ removeComments: true });
const commented = ts.createPrinter({ removeComments: false });

/** What an entry point exports, by name. */
export function exportsOf(file: string): PublicName[] {
  return [...namesOf(file)].map(([name, from]) => describe(name, from)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function namesOf(file: string): Map<string, { file: string; name: string }> {
  const { declarations, reexports, stars } = moduleOf(file);
  const names = new Map<string, { file: string; name: string }>();
  for (const star of stars) for (const [name, from] of namesOf(star)) names.set(name, from);
  for (const name of declarations.keys()) names.set(name, { file, name });
  for (const [name, from] of reexports) names.set(name, resolve(from));
  return names;
}

/** Follows re-exports to the declaration. */
function resolve(from: { readonly file: string; readonly name: string }): { file: string; name: string } {
  const { declarations, reexports, imports } = moduleOf(from.file);
  if (declarations.has(from.name)) return from;
  const next = reexports.get(from.name) ?? imports.get(from.name);
  if (next === undefined) throw new Error(`${from.file}: no export ${from.name}`);
  return resolve(next);
}

function describe(name: string, from: { readonly file: string; readonly name: string }): PublicName {
  const { declarations, source, imports } = moduleOf(from.file);
  const statement = declarations.get(from.name);
  if (statement === undefined) throw new Error(`${from.file}: ${from.name} is not declared`);
  const stripped = strip(statement);
  const text = (by: ts.Printer): string => by.printNode(ts.EmitHint.Unspecified, stripped, source);
  const bare = (printed: string): string =>
    printed.replace(/^\/\*\*[\s\S]*?\*\/\s*/, '').replace(/^export (declare )?/, '');
  const signature = bare(text(printer));
  const documented = bare(text(commented));
  const types = new Map<string, { name: string; file: string }>();
  for (const used of typeNames(statement)) {
    const imported = imports.get(used);
    if (imported !== undefined) {
      const found = resolve(imported);
      types.set(`${found.file} ${found.name}`, found);
    } else if (localNames(source).has(used) && used !== from.name)
      types.set(`${from.file} ${used}`, { name: used, file: from.file });
  }
  return {
    name,
    declared: from.name,
    file: from.file,
    signature,
    documented,
    comment: commentOf(statement, source),
    types: [...types.values()],
  };
}

/** Of the declarations that TypeScript makes of a file; private members have no types there, and go. */
function moduleOf(file: string): Module {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, file), 'utf8');
  const { outputText } = ts.transpileDeclaration(text, {
    fileName: file,
    compilerOptions: {
      stripInternal: true,
      isolatedDeclarations: true,
      declaration: true,
      target: ts.ScriptTarget.ES2023,
    },
  });
  const source = ts.createSourceFile(file, outputText, ts.ScriptTarget.ES2023, true);
  const declarations = new Map<string, ts.Statement>();
  const imports = new Map<string, { file: string; name: string }>();
  const reexports = new Map<string, { file: string; name: string }>();
  const stars: string[] = [];
  const at = (specifier: ts.Expression): string | undefined => {
    const path = (specifier as ts.StringLiteral).text;
    return path.startsWith('.') ? relative(root, join(root, dirname(file), path.replace(/\.js$/, '.ts'))) : undefined;
  };
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      const from = at(statement.moduleSpecifier);
      const bindings = statement.importClause?.namedBindings;
      if (from === undefined || bindings === undefined || !ts.isNamedImports(bindings)) continue;
      for (const { name, propertyName } of bindings.elements)
        imports.set(name.text, { file: from, name: (propertyName ?? name).text });
    } else if (ts.isExportDeclaration(statement)) {
      const from = statement.moduleSpecifier === undefined ? undefined : at(statement.moduleSpecifier);
      if (from === undefined) continue;
      if (statement.exportClause === undefined) stars.push(from);
      else if (ts.isNamedExports(statement.exportClause))
        for (const { name, propertyName } of statement.exportClause.elements)
          reexports.set(name.text, { file: from, name: (propertyName ?? name).text });
    } else if (
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    ) {
      for (const name of declaredNames(statement)) if (!declarations.has(name)) declarations.set(name, statement);
    }
  }
  const module = { declarations, imports, reexports, stars, source };
  modules.set(file, module);
  return module;
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
  return name === undefined ? [] : [name.text];
}

function localNames(source: ts.SourceFile): ReadonlySet<string> {
  return new Set(source.statements.flatMap(declaredNames));
}

function isPrivate(member: ts.ClassElement): boolean {
  const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

function strip(statement: ts.Statement): ts.Statement {
  if (!ts.isClassDeclaration(statement)) return statement;
  const members = statement.members.filter((member) => !isPrivate(member));
  return ts.factory.updateClassDeclaration(
    statement,
    statement.modifiers,
    statement.name,
    statement.typeParameters,
    statement.heritageClauses,
    members,
  );
}

/** Names in type position, and after `typeof` and `extends`. */
function typeNames(statement: ts.Statement): ReadonlySet<string> {
  const names = new Set<string>();
  const first = (name: ts.EntityName | ts.Expression): void => {
    if (ts.isIdentifier(name)) names.add(name.text);
    else if (ts.isQualifiedName(name)) first(name.left);
    else if (ts.isPropertyAccessExpression(name)) first(name.expression);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeReferenceNode(node)) first(node.typeName);
    else if (ts.isExpressionWithTypeArguments(node)) first(node.expression);
    // What is behind a name that is taken from a value is that value's business: `(typeof table)[number]` is written
    // out by the compiler.
    if (ts.isTypeQueryNode(node)) return;
    if (ts.isClassElement(node) && isPrivate(node)) return;
    ts.forEachChild(node, visit);
  };
  visit(statement);
  return names;
}

function commentOf(statement: ts.Statement, source: ts.SourceFile): string {
  const ranges = ts.getLeadingCommentRanges(source.text, statement.getFullStart()) ?? [];
  const last = ranges.at(-1);
  if (last === undefined) return '';
  const text = source.text.slice(last.pos, last.end);
  if (!text.startsWith('/**')) return '';
  return text
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();
}
