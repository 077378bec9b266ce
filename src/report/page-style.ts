/** The page's style sheet. Colours are variables, so that light and dark differ in one place. */

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
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
figure { margin: 0; } .chart { width: 100%; height: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.chart .rule { stroke: var(--line); } .chart .axis { stroke: var(--soft); } .chart .tick { fill: var(--soft); font-size: 12px; }
.chart polyline { fill: none; stroke-width: 1.75; } .chart .interval { stroke: var(--accent); } .chart .overall { stroke: var(--second); stroke-dasharray: 6 4; } .chart .installs { fill: var(--soft); }
.key { display: inline-block; width: 22px; height: 0; margin: 0 4px 3px 12px; vertical-align: middle; border-top: 2px solid var(--accent); } .key:first-child { margin-left: 0; }
.key.overall { border-top: 2px dashed var(--second); } .key.installed { border-top: 8px solid var(--soft); width: 8px; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; } .tree ul { padding-left: 18px; border-left: 1px solid var(--line); margin-left: 7px; }
.tree { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; overflow-x: auto; }
.tree .row { display: grid; grid-template-columns: minmax(280px, 1fr) auto 110px 70px 58px; gap: 12px; align-items: center; padding: 2px 4px; border-radius: 4px; min-width: 700px; }
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
footer { max-width: 1240px; margin: 30px auto; padding: 0 24px; color: var(--soft); font-size: 13px; }
kbd { font: 12px ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; background: var(--panel); }
@media (max-width: 760px) { main, header, footer { padding-left: 12px; padding-right: 12px; } }
@media print { section.trace { break-inside: avoid-page; } header button { display: none; } }
`;
