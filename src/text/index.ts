export { withArticle } from './article.js';
export { type ErrorReport, reportOf } from './error-report.js';
export {
  escapeChar,
  invisible,
  printable,
  printableJson,
  printableLine,
  printableLines,
  printableText,
} from './escape.js';
export { nearest, nearestHint } from './nearest.js';
export { wholeNumber } from './numbers.js';
export {
  type Cell,
  type Column,
  count,
  formatNumber,
  formatShare,
  formatTable,
  hex,
  jsonText,
  wrapWords,
} from './output.js';
