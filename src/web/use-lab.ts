/** What views have in common: the session, the state in the address, and a question to the worker as React has it. */
import { createContext, useCallback, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { CallName, Calls } from '../lab/index.js';
import type { ErrorReport } from '../text/index.js';
import { type Given, LabError } from './client.js';
import { type Link, linkText, parseLink } from './link.js';
import { LabSession, type LabState } from './session.js';

/** All that views are given. */
export interface Lab {
  readonly session: LabSession;
  readonly state: LabState;
  readonly link: Link;
  /** Changes what the address says; the way back leads over it. */
  readonly go: (change: Partial<Link>) => void;
}

/** Set by the page. */
export const LabContext: React.Context<Lab | undefined> = createContext<Lab | undefined>(undefined);

/** The lab of the page. */
export function useLab(): Lab {
  const lab = useContext(LabContext);
  if (lab === undefined) throw new Error('a view outside of the page');
  return lab;
}

const session = new LabSession();

/** For the page itself, once. */
export function useNewLab(): Lab {
  const state = useSyncExternalStore(session.subscribe, session.snapshot);
  const [link, setLink] = useState(() => parseLink(location.hash));
  useEffect(() => {
    const follow = (): void => setLink(parseLink(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  const go = useCallback((change: Partial<Link>): void => {
    const text = linkText({ ...parseLink(location.hash), ...change });
    if (text !== location.hash) history.pushState(null, '', text === '' ? location.pathname : text);
    setLink(parseLink(location.hash));
  }, []);
  return { session, state, link, go };
}

/** An answer of the worker: asked anew when `key` changes, not asked while it is undefined. */
export function useAnswer<Name extends CallName>(
  name: Name,
  given: Given<Name>,
  key: unknown,
): { readonly value: Calls[Name]['back'] | undefined; readonly error: ErrorReport | undefined } {
  const lab = useLab();
  const [answer, setAnswer] = useState<{
    readonly key: unknown;
    readonly value?: Calls[Name]['back'] | undefined;
    readonly error?: ErrorReport | undefined;
  }>({ key: undefined });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for what is asked
  useEffect(() => {
    if (key === undefined) return;
    let isWanted = true;
    lab.session.client.call(name, given).then(
      (value) => isWanted && setAnswer({ key, value }),
      (error: unknown) => isWanted && error instanceof LabError && setAnswer({ key, error: error.report }),
    );
    return () => {
      isWanted = false;
    };
  }, [name, key]);
  return answer.key === key ? { value: answer.value, error: answer.error } : { value: undefined, error: undefined };
}
