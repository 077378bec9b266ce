/**
 * What the page does beyond showing itself: the tree by keyboard, one trace at a time, a filter, light or dark. Each is
 * a function whose text goes into the page and is called there, so it may use nothing from outside, not even the
 * others. Without scripts the page shows everything at once.
 */

/** As much of the DOM as is used here; the core is compiled without its types. */
interface PageElement {
  readonly id: string;
  readonly parentElement: PageElement | null;
  readonly offsetParent: unknown;
  hidden: boolean;
  tabIndex: number;
  textContent: string | null;
  /** Of an input. */
  readonly value?: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  closest(selector: string): PageElement | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  addEventListener(kind: string, listener: (event: PageEvent) => void): void;
  focus(options?: { readonly preventScroll: boolean }): void;
  scrollIntoView(options: { readonly block: string }): void;
}

/** A key press, a click or a change, with what is read of it. */
interface PageEvent {
  readonly key: string;
  readonly target: PageElement;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  preventDefault(): void;
}

declare const document: PageElement & { readonly documentElement: PageElement };
declare const location: { hash: string };
declare const matchMedia: (query: string) => { readonly matches: boolean };
declare const addEventListener: PageElement['addEventListener'];

/**
 * The tree of traces: arrow keys, Home and End move the focus, Enter and Space open (ARIA's pattern of a tree view).
 */
function controlTree(): void {
  const tree = document.querySelector('[role=tree]');

  const items = (): PageElement[] =>
    tree === null ? [] : [...tree.querySelectorAll('[role=treeitem]')].filter((item) => item.offsetParent !== null);

  const focusItem = (item: PageElement | null | undefined): void => {
    if (item === null || item === undefined) return;
    for (const other of items()) other.tabIndex = -1;
    item.tabIndex = 0;
    item.focus();
  };

  const expand = (item: PageElement, open: boolean): void => {
    item.setAttribute('aria-expanded', String(open));
    const group = item.querySelector('[role=group]');
    if (group !== null) group.hidden = !open;
  };

  const open = (item: PageElement): void => {
    const link = item.querySelector(':scope > .row a.leaf');
    if (link !== null) {
      location.hash = link.getAttribute('href') ?? '';
      return;
    }
    if (item.getAttribute('aria-expanded') !== null) expand(item, item.getAttribute('aria-expanded') !== 'true');
  };

  // Without scripts everything is open; with them, what few packets take starts closed.
  for (const item of tree?.querySelectorAll('[data-small]') ?? []) expand(item, false);

  tree?.addEventListener('keydown', (event) => {
    const item = event.target.closest('[role=treeitem]');
    if (item === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const list = items();
    const at = list.indexOf(item);
    const expanded = item.getAttribute('aria-expanded');
    switch (event.key) {
      case 'ArrowDown':
        focusItem(list[at + 1]);
        break;
      case 'ArrowUp':
        focusItem(list[at - 1]);
        break;
      case 'ArrowRight':
        if (expanded === 'false') expand(item, true);
        else if (expanded === 'true') focusItem(list[at + 1]);
        break;
      case 'ArrowLeft':
        if (expanded === 'true') expand(item, false);
        else focusItem(item.parentElement?.closest('[role=treeitem]'));
        break;
      case 'Home':
        focusItem(list[0]);
        break;
      case 'End':
        focusItem(list[list.length - 1]);
        break;
      case 'Enter':
      case ' ':
        open(item);
        break;
      default:
        return;
    }
    event.preventDefault();
  });

  tree?.addEventListener('click', (event) => {
    const item = event.target.closest('[role=treeitem]');
    if (item === null || event.target.closest('a, details') !== null) return;
    focusItem(item);
    open(item);
  });
}

/** One trace at a time: the one that the address names behind `#`, or the first. */
function showOneTrace(): void {
  const sections = [...document.querySelectorAll('section.trace')];

  const showTrace = (id: string): boolean => {
    const chosen = sections.find((section) => section.id === id);
    if (chosen === undefined) return false;
    for (const section of sections) section.hidden = section !== chosen;
    for (const link of document.querySelectorAll('a.leaf')) {
      if (link.getAttribute('href') === `#${id}`) link.setAttribute('aria-current', 'true');
      else link.setAttribute('aria-current', 'false');
    }
    return true;
  };

  const follow = (): void => {
    if (!showTrace(location.hash.slice(1))) return;
    const section = sections.find(({ hidden }) => !hidden);
    section?.scrollIntoView({ block: 'start' });
    section?.focus({ preventScroll: true });
  };
  addEventListener('hashchange', follow);
  if (!showTrace(location.hash.slice(1)) && sections[0] !== undefined) showTrace(sections[0].id);
}

/** The field that hides the list entries of traces without the words in it. */
function filterTraces(): void {
  const field = document.querySelector('#filter');
  const status = document.querySelector('#filtered');
  const filterLabel = document.querySelector('label.filter');
  if (filterLabel !== null) filterLabel.hidden = false;
  field?.addEventListener('input', () => {
    const words = (field.value ?? '').toLowerCase().split(/\s+/);
    let shown = 0;
    let all = 0;
    for (const entry of document.querySelectorAll('nav.traces li')) {
      const text = (entry.textContent ?? '').toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
      all++;
      if (!entry.hidden) shown++;
    }
    if (status !== null) status.textContent = shown === all ? '' : `${shown} of ${all} traces`;
  });
}

/** The button between light and dark; without a choice the page is as the system is. */
function chooseTheme(): void {
  const chooser = document.querySelector('#theme');
  const root = document.documentElement;
  const isDark = (): boolean => {
    const chosen = root.getAttribute('data-theme');
    return chosen === null ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
  };
  const label = (): void => {
    if (chooser !== null) chooser.textContent = isDark() ? 'Light' : 'Dark';
  };
  chooser?.addEventListener('click', () => {
    root.setAttribute('data-theme', isDark() ? 'light' : 'dark');
    label();
  });
  if (chooser !== null) chooser.hidden = false;
  label();
}

/** The script's text, ready for a `<script>` element. */
export const pageScript: string = [controlTree, showOneTrace, filterTraces, chooseTheme]
  .map((behaviour) => `(${behaviour.toString()})();`)
  .join('\n');
