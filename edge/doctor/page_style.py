"""How the doctor's page looks: on a screen by day and by night, on a phone, on A4."""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #16202b; --soft: #5b6875;
  --line: #dde3e9; --ok: #14753a; --ok-ground: #e3f5e9; --warning: #7a5200;
  --warning-ground: #fff0cc; --fault: #b3161b; --fault-ground: #fde4e4;
  --none: #5b6875; --none-ground: #edf0f3; }
@media (prefers-color-scheme: dark) { :root { --ground: #0f151b; --card: #18212a; --ink: #e6ecf2;
  --soft: #9aa8b5; --line: #2c3843; --ok: #7fdc9f; --ok-ground: #12351f; --warning: #ffd479;
  --warning-ground: #43330a; --fault: #ff9c9c; --fault-ground: #4a1a1c; --none: #9aa8b5;
  --none-ground: #24303b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.25rem; background: var(--ground);
  color: var(--ink); font: 15px/1.45 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif;
  overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
h1 { margin: 0; font-size: 1.6rem; } header p { margin: 0; color: var(--soft); }
.verdict { display: flex; flex-wrap: wrap; gap: .4rem 1rem; margin: 1rem 0; padding: .8rem 1rem;
  border-radius: .6rem; font-size: 1.1rem; font-weight: 600; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
  gap: .6rem 1rem; margin: 0 0 1rem; } dl.facts dt { color: var(--soft); font-size: .8rem; }
dl.facts dd { margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  margin: 0 0 .9rem; padding: .2rem 1rem; }
h2 { font-size: 1rem; margin: .6rem 0 .2rem; text-transform: uppercase; letter-spacing: .04em;
  color: var(--soft); }
.line { display: grid; grid-template-columns: 4.6rem 11rem minmax(0, 1fr); gap: .1rem .8rem;
  padding: .5rem 0; border-top: 1px solid var(--line); align-items: start; }
h2 + .line { border-top: 0; }
.mark { justify-self: start; border-radius: .4rem; padding: .05rem .5rem; font-size: .8rem;
  font-weight: 700; }
ol { margin: .2rem 0 .6rem; padding-left: 1.4rem; } li { margin: .3rem 0; } a { color: inherit;
  font-weight: 600; }
.name { font-weight: 600; } .line p { margin: 0; } .cure { margin-top: .25rem !important; }
.cure::before { content: "→ "; color: var(--soft); } code { color: var(--soft); font-size: .82rem; }
.ok { color: var(--ok); background: var(--ok-ground); }
.warning { color: var(--warning); background: var(--warning-ground); }
.fault { color: var(--fault); background: var(--fault-ground); }
.none { color: var(--none); background: var(--none-ground); }
.exhibits { grid-column: 3; display: flex; flex-wrap: wrap; gap: .8rem; align-items: end;
  margin-top: .4rem; }
.exhibits img { max-width: min(100%, 26rem); height: auto; border-radius: .4rem; display: block; }
.exhibits small { color: var(--soft); }
.row svg { width: 13.75rem; max-width: 100%; height: 2.25rem; display: block; }
.row polyline { fill: none; stroke: var(--ok); stroke-width: 1.5; }
.sky { width: 17rem; max-width: 100%; } .sky .ring { fill: none; stroke: var(--line); }
.sky text { font-size: 7px; text-anchor: middle; fill: var(--ink); } .sky .side { font-size: 9px;
  fill: var(--soft); } .sky circle { stroke-width: 1.6; fill: none; }
.sky .strong circle { stroke: #2f9e55; } .sky .fair circle { stroke: #c69214; }
.sky .weak circle { stroke: #cf5a1c; } .sky .unheard circle { stroke: var(--soft);
  stroke-dasharray: 2 2; } .sky .used.strong circle { fill: #2f9e5544; }
.sky .used.fair circle { fill: #c6921444; } .sky .used.weak circle { fill: #cf5a1c44; }
footer { color: var(--soft); font-size: .82rem; }
@media (max-width: 40rem) { body { padding: .7rem; } section { padding: .1rem .7rem; }
  .line { grid-template-columns: 4.6rem minmax(0, 1fr); } .line > .words, .exhibits {
  grid-column: 1 / -1; } }
@media print { :root { color-scheme: light; --ground: #fff; --card: #fff; --ink: #000; --soft: #444;
  --line: #bbb; --ok: #14753a; --ok-ground: #e3f5e9; --warning: #7a5200; --warning-ground: #fff0cc;
  --fault: #b3161b; --fault-ground: #fde4e4; --none: #444; --none-ground: #eee; }
  @page { size: A4; margin: 13mm; } body { max-width: none; padding: 0; font-size: 9pt; }
  .line { padding: .22rem 0; } section { margin: 0 0 .5rem; padding: 0 .7rem; }
  .line, figure, .verdict { break-inside: avoid; } h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .exhibits img { max-width: 9cm; } .sky { width: 6cm; } section { border-radius: 0; } }
"""
