/** What all pages have around them: they stand alone, in one file, and follow the system's dark. */
import { escapeHtml } from './html.js';
import { pageStyle } from './page-style.js';

/** What differs from page to page; texts are escaped here, `html` is not. */
interface PageFrame {
  readonly title: string;
  readonly heading: string;
  /** Beside the heading: text, and what stands behind it. */
  readonly about: string;
  readonly headerHtml?: string;
  /** Beside the style of all pages. */
  readonly style?: string;
  readonly mainHtml: string;
  readonly footer: string;
  readonly script?: string;
}

/** The page as HTML. */
export function pageFrame(page: PageFrame): string {
  const { title, heading, about, headerHtml = '', style = '', mainHtml, footer, script } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}${style}</style>
</head>
<body>
<header><h1>${escapeHtml(heading)}</h1><p>${escapeHtml(about)}</p>${headerHtml}</header>
<main>
${mainHtml}
</main>
<footer>${escapeHtml(footer)}</footer>
${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`;
}
