export { escapeChar, invisible, printable, printableJson, printableLine, printableLines } from './escape.js';
