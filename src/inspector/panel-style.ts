/** The style sheet of the panel. */

/** Colors have a contrast of at least 4.5 to 1 for text, in both color schemes. */
export const PANEL_CSS = `
:host {
  --paper: #fff;
  --raised: #f3f6f7;
  --ink: #16282c;
  --dim: #4f6368;
  --edge: #c8d4d7;
  --flow: #0b6b73;
  --gap: #a3420a;
  --gap-soft: #fbe3d3;
  --bad: #a8171d;
  position: fixed;
  inset: auto 0 0;
  z-index: 2147483647;
  color: var(--ink);
  color-scheme: light dark;
  font: 13px/1.4 system-ui, sans-serif;
}
:host([hidden]), [hidden] { display: none !important; }
@media (prefers-color-scheme: dark) {
  :host {
    --paper: #10191b;
    --raised: #1a2629;
    --ink: #e4edef;
    --dim: #a0b3b8;
    --edge: #34464b;
    --flow: #5cc4cd;
    --gap: #f2a26c;
    --gap-soft: #4a2a14;
    --bad: #ff8f8a;
  }
}
* { box-sizing: border-box; }
section { background: var(--paper); border-top: 1px solid var(--edge); box-shadow: 0 -4px 16px #0003; }
header { display: flex; align-items: center; gap: 8px; padding: 6px 12px; background: var(--raised); }
.count { flex: 1; color: var(--dim); }
button { font: inherit; color: inherit; cursor: pointer; }
header button { min-height: 28px; padding: 2px 10px; background: var(--paper); border: 1px solid var(--edge); border-radius: 6px; }
:focus-visible { outline: 2px solid var(--flow); outline-offset: -2px; }
.body { max-height: 45vh; overflow: auto; overscroll-behavior: contain; }
ul, ol, dl, dd { margin: 0; padding: 0; list-style: none; }
.row { padding: 8px 12px; border-top: 1px solid var(--edge); }
.name { display: flex; flex-wrap: wrap; gap: 4px 12px; width: 100%; padding: 2px 0; text-align: start; background: none; border: 0; }
.name::before { content: '▸'; color: var(--dim); }
.name[aria-expanded='true']::before { content: '▾'; }
.label { flex: 1; min-width: 10ch; font-weight: 600; overflow-wrap: anywhere; }
.status { color: var(--dim); font-weight: 600; }
.status[data-status='open'] { color: var(--flow); }
.status[data-status='waiting'], .status[data-status='paused'] { color: var(--gap); }
.status[data-status='failed'] { color: var(--bad); }
svg { display: block; width: 100%; height: 24px; margin: 4px 0 6px; overflow: visible; }
path { fill: none; vector-effect: non-scaling-stroke; }
.line { stroke: var(--flow); stroke-width: 2px; }
.ticks { stroke: var(--flow); stroke-width: 1.5px; }
.gaps { fill: var(--gap-soft); stroke: var(--gap); }
.attempts { stroke: var(--gap); stroke-width: 6px; stroke-linecap: round; }
.faults { stroke: var(--bad); stroke-width: 2px; }
.facts { display: flex; flex-wrap: wrap; gap: 4px 12px; }
.facts div { min-width: 84px; max-width: 100%; }
dt { color: var(--dim); font-size: 11px; }
dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.entries, .payloads { max-height: 160px; margin-top: 8px; padding: 6px 8px; overflow: auto; background: var(--raised); border-radius: 6px; }
time { display: inline-block; min-width: 7ch; color: var(--dim); font-variant-numeric: tabular-nums; }
li.retry, li.reset { color: var(--gap); }
li.error { color: var(--bad); }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
@media (forced-colors: active) {
  .line, .ticks { stroke: CanvasText; }
  .gaps { fill: none; stroke: Highlight; }
  .attempts, .faults { stroke: Highlight; }
}
`
