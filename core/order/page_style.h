// page_style.h: the style sheet of the ladder's page. Lanes are columns of a grid; an arrow spans from the
// middle of one column to the middle of another.
#pragma once

namespace lockstep::order {

inline constexpr const char* kPageStyle = R"css(
:root { --ink:#1c2733; --dim:#66727f; --line:#c9d1d9; --paper:#fff; --soft:#f4f6f8; --blue:#1f5fbf;
  --green:#1a7f37; --grey:#5d6875; --red:#c62828; --amber:#a35200; }
@media (prefers-color-scheme: dark) { :root { --ink:#dde4ea; --dim:#93a0ad; --line:#3a4550; --paper:#14191f;
  --soft:#1d242c; --blue:#6ea8fe; --green:#57c273; --grey:#a0acb8; --red:#ff7b72; --amber:#e3a55b; } }
* { box-sizing:border-box; }
body { margin:0; padding:20px 24px 40px; color:var(--ink); background:var(--paper);
  font:14px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size:20px; margin:0 0 2px; overflow-wrap:anywhere; }
.meta { color:var(--dim); margin:0 0 12px; }
.remark { border-left:4px solid var(--amber); background:var(--soft); padding:6px 12px; margin:6px 0; }
.why { background:var(--soft); border-radius:6px; padding:8px 14px; margin:10px 0 14px; }
.why summary { cursor:pointer; font-weight:600; }
.why p { margin:5px 0; overflow-wrap:anywhere; }
.legend { color:var(--dim); font-size:12px; margin:0 0 10px; }
.ladder { min-width:var(--least); }
.row { display:grid; grid-template-columns:86px repeat(var(--lanes), minmax(0, 1fr)); position:relative; }
.head { position:sticky; top:0; background:var(--paper); border-bottom:2px solid var(--line); z-index:2; }
.head .lane { text-align:center; padding:4px 4px 6px; overflow-wrap:anywhere; }
.head .lane b { display:block; }
.head .lane span { text-wrap:balance; color:var(--dim); font-size:11px; line-height:1.25;
  display:block; } .head .lane span + span { white-space:nowrap; }
.time { grid-column:1; grid-row:1; color:var(--dim);
  font:12px/1.4 ui-monospace, "DejaVu Sans Mono", monospace;
  text-align:right; padding:8px 10px 0 0; white-space:nowrap; }
.bar { grid-row:1; width:2px; background:var(--line); justify-self:center; min-height:100%; }
.own { background:var(--dim); }
details.m > summary { list-style:none; cursor:pointer; }
details.m > summary::-webkit-details-marker { display:none; }
details.m > summary:hover, details.m[open] > summary { background:var(--soft); }
.arrow { grid-row:1; position:relative; padding:3px 0 5px; margin-bottom:3px; text-align:center;
  border-bottom:2px solid currentColor; }
.arrow::after { content:""; position:absolute; bottom:-6px; border:5px solid transparent; }
.right::after { right:0; border-left:9px solid currentColor; border-right:0; }
.left::after { left:0; border-right:9px solid currentColor; border-left:0; }
.arrow .label { background:var(--paper); padding:0 4px; font-weight:600; font-size:13px;
  position:relative; z-index:1; border-radius:3px; display:inline-block; }
.req { color:var(--blue); } .prov { color:var(--grey); } .ok { color:var(--green); }
.bad { color:var(--amber); }
.cancel { color:var(--red); }
.off { border-bottom-style:dashed; opacity:.75; } .off .label { text-decoration:line-through; }
.off::after { content:"\2715"; border:0; bottom:-12px; font-size:14px; color:var(--red); }
.badge { display:inline-block; background:var(--red); color:#fff; border-radius:9px; padding:0 8px;
  font-size:11px; font-weight:600; line-height:17px; position:relative; z-index:1; }
.badge.quiet { background:var(--dim); }
.box { grid-row:1; margin:3px 0 3px; position:relative; z-index:1; justify-self:start; max-width:100%;
  background:var(--soft); border:1px solid var(--line); border-left:4px solid var(--dim); border-radius:4px;
  padding:2px 10px; font-size:12.5px; overflow-wrap:anywhere; }
.box.timer { border-left-color:var(--amber); } .box.void { color:var(--dim); }
.box b { font-weight:600; }
pre { margin:0 0 8px 86px; padding:10px 14px; background:var(--soft); border-left:3px solid var(--line);
  font:12px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; white-space:pre-wrap; overflow-wrap:anywhere; }
details.b { margin:0 0 8px 86px; }
details.b summary { color:var(--dim); cursor:pointer; font-size:12px; }
details.b pre { margin-left:0; }
)css";

}  // namespace lockstep::order
