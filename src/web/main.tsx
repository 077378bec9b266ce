/** Starts the page. */
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { pageStyle } from '../report/page-style.js';
import { App } from './app.js';

// The colours and tables of the report page; a sheet made by a script is none of the inline ones that the policy bars.
const sheet = new CSSStyleSheet();
sheet.replaceSync(pageStyle);
document.adoptedStyleSheets = [sheet];

const root = document.getElementById('lab');
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
