/// The style and the script of the status page. The page allows no others, and nothing from elsewhere.
#pragma once

#include <string_view>

namespace ringrpc::status_page_parts {

/// The pairs of colours have the contrast of WCAG 2.1 in both schemes.
inline constexpr std::string_view style = R"(
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5a6068; --line: #dfe3e8; --paper: #ffffff;
  --card: #f5f7f9; --blue: #1566c0; --bad: #b3261e; --good: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2aab3; --line: #343a41; --paper: #15181c;
  --card: #1f2429; --blue: #6cb1ff; --bad: #ff8a80; --good: #5fd39b; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 90rem;
  margin: 1.2rem auto 3rem; padding: 0 1rem; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p { color: var(--soft); margin: .3rem 0 .6rem; overflow-wrap: anywhere; }
a { color: var(--blue); }
.bad { color: var(--bad); } .good { color: var(--good); }
.cards { display: flex; flex-wrap: wrap; gap: .6rem; margin: .9rem 0; }
.cards div { background: var(--card); border-radius: 8px; padding: .5rem .8rem; min-width: 6rem; color: var(--soft); }
.cards b { display: block; font-size: 1.25rem; color: var(--ink); font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .2rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
.text { text-align: left; }
td.long { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 7rem; max-width: 44rem; }
th:first-child, td:first-child { padding-left: 0; }
.curves { display: grid; gap: 1rem 1.6rem; margin-top: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; } figcaption { font-weight: 600; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
.axis { stroke: var(--line); } .label { fill: var(--soft); font-size: 11px; } .bar { fill: var(--blue); }
.curve { stroke: var(--ink); stroke-width: 2; fill: none; }
button { font: inherit; margin-left: .6rem; }
)";

/// Fetches the page's main part and takes over its sections. The browser parses it as a document whose
/// scripts would not run, and nothing is ever made from text.
inline constexpr std::string_view script = R"(
"use strict";
const interval_ms = 2000;
const state = document.getElementById("live");
const button = document.createElement("button");
let paused = false;
let timer = 0;
let last = null;

function told() {
  const main = document.querySelector("main");
  return { at: performance.now(), calls: Number(main.dataset.calls), start: main.dataset.start };
}

function rate(now) {
  const seconds = last && last.start === now.start ? (now.at - last.at) / 1000 : 0;
  return seconds > 0 ? " " + Math.round((now.calls - last.calls) / seconds).toLocaleString("en") + " calls/s." : "";
}

function take_over(page) {
  const next = page.querySelector("main");
  const main = document.querySelector("main");
  if (!next || !main) return false;
  main.dataset.calls = next.dataset.calls;
  main.dataset.start = next.dataset.start;
  for (const section of next.querySelectorAll("section[id]")) {
    const old = document.getElementById(section.id);
    if (!old) continue;
    const scrolled = [...old.querySelectorAll(".wide")].map((table) => table.scrollLeft);
    old.replaceChildren(...section.childNodes);
    old.querySelectorAll(".wide").forEach((table, at) => { table.scrollLeft = scrolled[at] || 0; });
  }
  return true;
}

function say(text, bad) {
  state.textContent = text;
  state.className = bad ? "bad" : "";
}

function fetch_again() {
  clearTimeout(timer);
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname + "?main");
  request.responseType = "document";
  request.timeout = 15000;
  request.onloadend = () => {
    if (request.status === 200 && take_over(request.response)) {
      const now = told();
      say("Live, every " + interval_ms / 1000 + " s." + rate(now), false);
      last = now;
    } else {
      say("The server does not respond; this is what it was before.", true);
    }
    plan();
  };
  request.send();
}

function plan() {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(fetch_again, interval_ms);
}

button.type = "button";
button.textContent = "Pause";
button.addEventListener("click", () => {
  paused = !paused;
  button.textContent = paused ? "Continue" : "Pause";
  if (paused) say("Paused.", false);
  paused ? clearTimeout(timer) : fetch_again();
});
document.addEventListener("visibilitychange", plan);
state.after(button);
say("Live, every " + interval_ms / 1000 + " s.", false);
last = told();
plan();
)";

}  // namespace ringrpc::status_page_parts
