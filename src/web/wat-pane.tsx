/** A pane for text that is on its way. */
import { type ReactElement, use } from 'react';
import CodePane from './code-pane.js';

export default function WatPane({ text }: { readonly text: Promise<string> }): ReactElement {
  return <CodePane label="WebAssembly" text={use(text)} />;
}
