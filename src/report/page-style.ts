/** The page's style sheet. Colours are variables, so that light and dark differ in one place. */

/** Every text colour has at least the contrast of WCAG AA (4.5 to 1) on `--ground` and `--panel`. */
const light = `
  --ground: #fbfbfa; --panel: #ffffff; --ink: #1d2127; --soft: #5b6470; --line: #dfe3e8; --accent: #1f5fbf; --accent-soft: #d6e4f7;
  --pass: #1b6e3c; --drop: #a32a2a; --tx: #1f5fbf; --redirect: #6b3fa0; --aborted: #7a5200; --code: #f3f5f7; --second: #b5651d;`;

const dark = `
  --ground: #14171b; --panel: #1b1f25; --ink: #e4e7eb; --soft: #9aa4b0; --line: #323942; --accent: #7fb0f5; --accent-soft: #25374f;
  --pass: #74c896; --drop: #f09090; --tx: #8fb9f7; --redirect: #c4a3f0; --aborted: #e3b968; --code: #22272e; --second: #e0a060;`;

/** The style sheet's text. */
export const pageStyle: string = `
:root { color-scheme: light; ${light} }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { color-scheme: dark; ${dark} } }
:root[data-theme=dark] { color-scheme: dark; ${dark} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main, header { max-width: 1240px; margin: 0 auto; padding: 0 24px; }
header { display: flex; align-items: baseline; gap: 16px; padding-top: 24px; flex-wrap: wrap; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 18px; margin: 36px 0 10px; } h3 { font-size: 17px; margin: 0 0 6px; } h4 { font-size: 14px; margin: 20px 0 6px; color: var(--soft); }
header p { margin: 0; color: var(--soft); } header button { margin-left: auto; }
button { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 3px 12px; cursor: pointer; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; border-radius: 4px; }
code, pre { font: 13px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { margin: 0; }
.note, figcaption { color: var(--soft); font-size: 13px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; padding: 0; list-style: none; }
.tiles li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; min-width: 124px; }
.tiles b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; } .tiles span { color: var(--soft); font-size: 13px; }
.verdict { font-weight: 600; white-space: nowrap; }
.verdict.pass { color: var(--pass); } .verdict.drop { color: var(--drop); } .verdict.tx { color: var(--tx); } .verdict.redirect { color: var(--redirect); } .verdict.aborted { color: var(--aborted); }
table { border-collapse: collapse; width: 100%; background: var(--panel); border: 1px solid var(--line); }
th, td { text-align: left; vertical-align: top; padding: 5px 10px; border-top: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; border-top: 0; }
td { vertical-align: baseline; } td .bar { margin-top: 7px; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; }
figure { margin: 0; } .chart { width: 100%; height: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.chart .rule { stroke: var(--line); } .chart .axis { stroke: var(--soft); } .chart .tick { fill: var(--soft); font-size: 12px; }
.chart polyline { fill: none; stroke-width: 1.75; } .chart .interval { stroke: var(--accent); } .chart .overall { stroke: var(--second); stroke-dasharray: 6 4; } .chart .installs { fill: var(--soft); }
.key { display: inline-block; width: 22px; height: 0; margin: 0 4px 3px 12px; vertical-align: middle; border-top: 2px solid var(--accent); } .key:first-child { margin-left: 0; }
.key.overall { border-top: 2px dashed var(--second); } .key.installed { border-top: 8px solid var(--soft); width: 8px; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; } .tree ul { padding-left: 18px; border-left: 1px solid var(--line); margin-left: 7px; }
.tree { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; max-height: 640px; overflow: auto; }
.tree ul ul ul ul ul ul { padding-left: 3px; margin-left: 3px; }
.tree .row { display: grid; grid-template-columns: minmax(120px, 1fr) auto 80px 60px 56px; gap: 10px; align-items: center; padding: 2px 4px; border-radius: 4px; }
.tree .row:hover { background: var(--accent-soft); }
.tree .what { grid-column: 1; overflow-wrap: anywhere; } .tree .leaf { grid-column: 2; text-decoration: none; white-space: nowrap; padding: 0 6px; border-radius: 4px; } .tree .leaf:hover { text-decoration: underline; }
.tree .leaf[aria-current=true] { background: var(--accent-soft); box-shadow: 0 0 0 1px var(--accent); }
.tree .bar { grid-column: 3; } .tree .count { grid-column: 4; } .tree .share { grid-column: 5; }
.tree .guard { display: block; } .tree .guard:first-child { display: inline; } .tree details summary { color: var(--accent); font-size: 13px; cursor: pointer; }
.tree .and, .tree .host, .tree .all { color: var(--soft); font-size: 13px; }
.tree [aria-expanded] > .row > .what::before { content: "▾ "; color: var(--soft); } .tree [aria-expanded=false] > .row > .what::before { content: "▸ "; }
.tree li:focus { outline: none; } .tree li:focus > .row { outline: 2px solid var(--accent); }
.count, .share { text-align: right; font-variant-numeric: tabular-nums; font-size: 13px; } .share { color: var(--soft); }
.bar { display: block; height: 8px; background: var(--code); border-radius: 4px; } .bar span { display: block; height: 100%; background: var(--accent); border-radius: 4px; }
section.trace { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 16px 20px; margin-top: 14px; }
section.trace:focus { outline: none; }
.facts { margin: 0 0 10px; }
.sizes { display: grid; grid-template-columns: 70px 1fr; gap: 4px 10px; align-items: center; font-size: 13px; color: var(--soft); max-width: 620px; }
.track { display: flex; height: 12px; background: var(--code); border-radius: 3px; overflow: hidden; } .track .whole { background: var(--soft); } .track .asks { background: var(--accent); } .track .does { background: var(--second); }
.condition { width: auto; min-width: 560px; } .condition tbody th { color: var(--soft); font-weight: 600; }
.condition td code { overflow-wrap: anywhere; }
.kind { font-size: 12px; padding: 0 8px; border: 1px solid var(--line); border-radius: 10px; color: var(--soft); } .kind.state { border-style: dashed; border-color: var(--soft); } .kind.residual { border-style: dotted; border-color: var(--soft); }
.lines { table-layout: fixed; min-width: 900px; } .lines th[scope=row] { width: 34%; font-weight: 400; } .lines thead th:first-child { width: 34%; }
.lines .place { display: block; color: var(--soft); font-size: 12px; } .lines pre, .lines code { white-space: pre-wrap; overflow-wrap: anywhere; } .lines .gone th code { color: var(--soft); } .lines .none { color: var(--soft); }
.beside { display: grid; grid-template-columns: minmax(0, 2fr) minmax(250px, 1fr); gap: 14px; align-items: start; }
.traces { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; max-height: 640px; overflow-y: auto; }
.traces ol { list-style: none; margin: 0; padding: 0; } .traces li { padding: 5px 0; border-top: 1px solid var(--line); } .traces li:first-child { border-top: 0; }
.traces .leaf { text-decoration: none; padding: 0 4px; border-radius: 4px; } .traces .leaf:hover { text-decoration: underline; } .traces .leaf[aria-current=true] { background: var(--accent-soft); box-shadow: 0 0 0 1px var(--accent); }
.traces .brief { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; overflow-wrap: anywhere; color: var(--soft); font-size: 12px; }
.filter input { font: inherit; width: 100%; color: var(--ink); background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px; } .traces .note { margin: 4px 0; }
.key-bar { display: inline-block; width: 60px; vertical-align: middle; }
.legend { font-size: 13px; color: var(--soft); } .legend dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; margin: 8px 0 0; align-items: center; } .legend dd { margin: 0; } .legend summary { cursor: pointer; }
.swatch { display: inline-block; width: 26px; height: 10px; border-radius: 3px; } .swatch.whole { background: var(--soft); } .swatch.asks { background: var(--accent); } .swatch.does { background: var(--second); }
.ways { margin: 14px 0 0; display: flex; flex-wrap: wrap; gap: 6px 18px; font-size: 14px; }
footer { max-width: 1240px; margin: 30px auto; padding: 0 24px; color: var(--soft); font-size: 13px; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; background: var(--panel); }
@media (max-width: 980px) { .beside { grid-template-columns: minmax(0, 1fr); } .traces { max-height: 420px; } }
@media (max-width: 760px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  .tiles { gap: 8px; } .tiles li { min-width: 0; flex: 1 1 30%; padding: 8px 10px; }
  th, td { padding: 4px 6px; } td, pre, code { overflow-wrap: anywhere; } pre { white-space: pre-wrap; }
  .tree { padding: 6px; } .tree { max-height: 75vh; } .tree ul { padding-left: 6px; margin-left: 2px; } .tree ul ul ul ul { padding-left: 1px; margin-left: 0; }
  .tree .row { grid-template-columns: minmax(0, 1fr) auto auto; min-width: 0; gap: 2px 8px; } .tree .what { grid-column: 1 / -1; } .tree .leaf { grid-column: 1 / -1; justify-self: start; white-space: normal; } .tree .bar { grid-column: 1; } .tree .count { grid-column: 2; } .tree .share { grid-column: 3; }
  section.trace { padding: 12px; } .condition { width: 100%; min-width: 0; } .sizes { grid-template-columns: 58px 1fr; }
  .lines { min-width: 0; } .lines, .lines tbody, .lines tr, .lines th, .lines td { display: block; width: 100%; } .lines thead { display: none; } .lines th[scope=row] { width: 100%; background: var(--code); } .lines td { border-top: 0; } .lines td::before { content: attr(data-of); display: block; color: var(--soft); font-size: 12px; }
}
@media print { section.trace { break-inside: avoid-page; } header button { display: none; } }
`;
