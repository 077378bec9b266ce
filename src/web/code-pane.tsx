/**
 * Text with line numbers or marks beside it, in CodeMirror: long listings, search and selection are its business. It
 * lives in a shadow root, where its styles are sheets made by a script: the page's policy bars `<style>` elements.
 */
import { EditorState, type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, GutterMarker, gutter } from '@codemirror/view';
import { type ReactElement, useEffect, useRef } from 'react';

/** What a line is marked as: a class of {@link look}. */
export type LineMark = 'chosen' | 'hot' | 'cold' | 'decides';

interface Props {
  readonly label: string;
  readonly text: string;
  /** What stands before each line; undefined: numbers from 1. */
  readonly gutter?: readonly string[] | undefined;
  /** By line, from 0. */
  readonly marks?: ReadonlyMap<number, LineMark> | undefined;
  /** Brought into sight when it changes. */
  readonly focus?: number | undefined;
  /** A line, from 0, was clicked. */
  readonly onLine?: ((line: number) => void) | undefined;
}

export default function CodePane(props: Props): ReactElement {
  const { label, text, marks, focus, onLine } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const clicked = useRef(onLine);
  clicked.current = onLine;
  const before = props.gutter;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: 'open' });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: text,
        extensions: extensionsOf(label, before, (line) => clicked.current?.(line)),
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, text, before]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is another editor, which has no marks yet
  useEffect(() => {
    view.current?.dispatch({ effects: setMarks.of(marks ?? new Map()) });
  }, [marks, text, before]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || focus === undefined || focus < 0 || focus >= editor.state.doc.lines) return;
    const { from } = editor.state.doc.line(focus + 1);
    editor.dispatch({ effects: EditorView.scrollIntoView(from, { y: 'center' }) });
  }, [focus, text, before]);

  return <div ref={host} className="code-pane" />;
}

function extensionsOf(
  label: string,
  before: readonly string[] | undefined,
  onLine: (line: number) => void,
): Extension[] {
  const longest = before?.reduce((most, text) => (text.length > most.length ? text : most), '') ?? '00000';
  return [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({
      tabindex: '0',
      role: 'textbox',
      'aria-label': label,
      'aria-readonly': 'true',
      'aria-multiline': 'true',
    }),
    gutter({
      class: 'before',
      initialSpacer: () => new Before(longest),
      lineMarker: (editor, block) => {
        const line = editor.state.doc.lineAt(block.from).number;
        return new Before(before === undefined ? String(line) : (before[line - 1] ?? ''));
      },
    }),
    marksField,
    EditorView.domEventHandlers({
      mousedown: (event, editor) => {
        const at = editor.posAtCoords({ x: event.clientX, y: event.clientY });
        if (at !== null) onLine(editor.state.doc.lineAt(at).number - 1);
      },
      keydown: (event, editor) => {
        if (event.key === 'Enter') onLine(editor.state.doc.lineAt(editor.state.selection.main.head).number - 1);
      },
    }),
    look,
  ];
}

/** What stands before a line. */
class Before extends GutterMarker {
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override eq(other: Before): boolean {
    return other.text === this.text;
  }

  override toDOM(): Text {
    return document.createTextNode(this.text);
  }
}

const setMarks = StateEffect.define<ReadonlyMap<number, LineMark>>();

const marksField = StateField.define<DecorationSet>({
  create: () => RangeSet.empty,
  update: (marks, { effects, state }) => {
    const set = effects.find((effect) => effect.is(setMarks));
    if (set === undefined) return marks;
    const all = set.value as ReadonlyMap<number, LineMark>;
    const lines = [...all].filter(([line]) => line < state.doc.lines).sort(([a], [b]) => a - b);
    return Decoration.set(
      lines.map(([line, mark]) => Decoration.line({ class: `line-${mark}` }).range(state.doc.line(line + 1).from)),
    );
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Colours are the page's: variables reach into a shadow root. */
const look = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'var(--panel)', fontSize: '13px' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': { fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace', lineHeight: '1.5' },
  '.cm-gutters': { backgroundColor: 'var(--code)', color: 'var(--soft)', borderRight: '1px solid var(--line)' },
  '.before .cm-gutterElement': { padding: '0 8px', textAlign: 'right', whiteSpace: 'pre' },
  '.line-chosen': { backgroundColor: 'var(--accent-soft)' },
  '.line-decides': { backgroundColor: 'var(--accent-soft)', boxShadow: 'inset 3px 0 var(--second)' },
  '.line-cold': { color: 'var(--soft)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
});
