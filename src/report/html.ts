/** Text into HTML, and numbers into text. */

import { printableText } from '../text/index.js';

/** Text of a file as HTML: markup is shown as it is written, and what is no visible character as its number. */
export function escapeHtml(text: string): string {
  return printableText(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** `1,234,567`. */
export function number(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `12.3 %`; `0 %` of nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}
