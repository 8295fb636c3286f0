/** The style of both pages, light or dark as the reader's system is. */
export const style = `
:root { color-scheme: light dark; --page: #f5f6f3; --card: #fff; --ink: #1a2220; --soft: #56615d; --line: #d9ded8; --edge: #848e89; --accent: #0a6a5b;
  --get: #1a5cb4; --post: #12713a; --put: #875400; --patch: #7040b0; --delete: #b3261e; --mono: ui-monospace, Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1413; --card: #171d1b; --ink: #e5ebe8; --soft: #9ca8a3; --line: #2d3633; --edge: #6d7974; --accent: #62d2ba;
    --get: #82b7ff; --post: #72d391; --put: #e6b65c; --patch: #c7a7f7; --delete: #ff9d93; }
}
* { box-sizing: border-box; min-width: 0; }
body, h1, h2, h3, p, ul, dl, dd, pre { margin: 0; padding: 0; border: 0; }
body { background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); }
code, pre, dl { font: .875em/1.5 var(--mono); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h1 { font-size: 1.25rem; flex: 1; }
h2 { font-size: 1.0625rem; margin: 1.25rem 0 .25rem; }
h3, form summary { font-size: 1rem; font-weight: 600; padding: 0; }
ul { list-style: none; }
summary { cursor: pointer; }
small { color: var(--soft); font-size: .875rem; font-weight: 400; }
.skip:not(:focus), #said { position: absolute; left: -99rem; }
header, .row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; }
header { padding: .75rem 1.25rem; background: var(--card); border-bottom: 1px solid var(--line); }
main { padding: 1.25rem; min-height: 100dvh; }
.frame { display: grid; grid-template-columns: 20rem 1fr; align-items: start; max-width: 100rem; margin: auto; }
.side { position: sticky; top: 0; height: 100dvh; display: flex; flex-direction: column; gap: .75rem; padding: 1.25rem 0 0 1.25rem; }
nav { overflow: auto; }
nav h2 { margin-top: .75rem; font-size: .875rem; }
nav a { display: flex; gap: .5rem; align-items: center; padding: .1875rem .25rem; border-radius: .375rem; color: inherit; text-decoration: none; line-height: 1.3; }
nav a:hover, .op > summary:hover, tr:target { background: color-mix(in srgb, var(--accent) 12%, var(--card)); }
.card, .op, table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.card { padding: .875rem; }
.card small { display: block; margin-top: .375rem; }
#hint { min-height: 2.75rem; }
.card code { display: block; white-space: nowrap; user-select: all; color: var(--ink); font-size: .75rem; }
.row > input { flex: 1 1 6rem; }
.badge { flex: none; width: 3.75rem; border-radius: .25rem; font: 600 .6875rem/1.5rem var(--mono); text-align: center; background: color-mix(in srgb, currentColor 12%, transparent); }
.GET, .key { color: var(--get); } .POST, .good, .text { color: var(--post); } .PUT, .word { color: var(--put); } .PATCH { color: var(--patch); } .DELETE, .bad { color: var(--delete); }
.op { margin-top: .5rem; scroll-margin-top: .5rem; }
.op > summary { display: grid; grid-template-columns: auto 5fr 6fr 8.5rem; gap: 0 .75rem; align-items: center; padding: .5rem .75rem; border-radius: .5rem; }
.op > summary > :last-child { text-align: right; }
.op[open] > summary, tr:target { box-shadow: inset 4px 0 var(--accent); }
form { display: grid; grid-template: auto 1fr / 1fr 1fr; gap: 1rem 1.5rem; align-items: start; padding: 1rem; border-top: 1px solid var(--line); }
.run { grid-area: 1 / 2 / 3; }
.run, .reply { display: grid; gap: .75rem; align-content: start; min-height: 8rem; }
.run h3 { flex: 1; margin: 0; }
form details, form h3 { margin: .5rem 0; }
.field { margin-top: .5rem; }
input, select, textarea, button { font: .9375rem/1.4 system-ui, sans-serif; color: inherit; background: var(--page); border: 1px solid var(--edge); border-radius: .375rem; padding: .375rem .625rem; }
form input, select, textarea { display: block; width: 100%; margin: .125rem 0 .25rem; }
textarea { font: .8125rem/1.5 var(--mono); resize: vertical; }
button { font-size: .8125rem; font-weight: 600; cursor: pointer; }
button:hover { border-color: var(--accent); }
[type=submit] { padding-inline: 1.75rem; font-size: 1rem; background: var(--accent); color: var(--card); }
pre { overflow: auto; max-height: 32rem; padding: .75rem; background: var(--page); border: 1px solid var(--line); border-radius: .375rem; font-size: .8125rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; font-size: .8125rem; }
dt { color: var(--soft); }
li, .answers > :not(h3) { margin: 0; padding: .3125rem 0; border-top: 1px solid var(--line); }
li ul { padding-left: .75rem; border-left: 2px solid var(--line); }
table { border-collapse: collapse; width: 100%; margin-top: 1.25rem; }
main:has(table) { max-width: 60rem; margin: auto; }
td { width: 99%; }
th { overflow-wrap: normal; }
th, td { padding: .5rem .875rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
@media (max-width: 75rem) { form { grid-template: none / 1fr; } .run { grid-area: auto; } }
@media (max-width: 55rem) {
  .frame { grid-template-columns: 1fr; }
  .side { position: static; height: auto; padding: 1rem 1rem 0; }
  main { padding: 1rem; }
  .op > summary { grid-template-columns: auto 1fr; }
  .op > summary > :nth-child(n + 3) { grid-column: 2; text-align: left; }
}
`;
