// Pages that change by themselves (BX-10). The server says what has changed, never the content; the page is then asked for again, with the
// reader's own rights, and the parts marked `data-live` become as it says. Without an event stream everything still works by loading again.
//
//   <main data-partnership="…">                     only changes of this partnership concern the page
//   <section id="…" data-live="partnership team">   a part that follows changes of these kinds
//   <p data-meanwhile="partnership" hidden>         shown instead when what is being edited was changed meanwhile: the `data-state` of main differs
import { all, ask, one, refresh, say } from "./dom.js";
import { morph } from "./morph.js";

const WAIT = 120;
const PAUSE = 600;
const NEWS = 5000;
const MISSES = 8;

let address = () => location.href;
let after = () => {};

// A page that shows more than its address says names the address to ask for, and what to do with the answer.
export function follow(options) {
  address = options.address ?? address;
  after = options.after ?? after;
}

const main = () => document.getElementById("main");

function concerns({ part, partnership_id: about }) {
  if (part === "all") return true;
  const mine = main()?.dataset.partnership;
  const parts = all("[data-live], [data-meanwhile]").flatMap((element) => (element.dataset.live ?? element.dataset.meanwhile).split(" "));
  return parts.includes(part) && (part === "notifications" || !mine || !about || mine === about);
}

let timer = 0;
let running = false;
let again = false;
let last = 0;
let misses = 0;

export function soon() {
  if (document.visibilityState !== "visible") return; // becoming visible loads anyway
  if (running) { again = true; return; }
  clearTimeout(timer);
  timer = setTimeout(update, Math.max(WAIT, last + PAUSE - Date.now()));
}

async function update() {
  running = true;
  again = false;
  let answered = false;
  try {
    const found = await ask(address());
    answered = !found || found.status < 500;
    if (found?.status === 200) take(found.page);
    else if (found?.status === 409) over(found.page);
  } catch { /* no answer */ }
  last = Date.now();
  running = false;
  misses = answered ? 0 : misses + 1;
  if (again) soon();
  // Away for a moment, or behind what was said: nobody will say it a second time.
  else if (misses && misses < MISSES) setTimeout(soon, misses * PAUSE);
}

function take(page) {
  if (document.documentElement.dataset.release !== page.documentElement.dataset.release) {
    // A newer Accord: its pages and scripts belong together. Nothing that is being edited is taken away.
    if (!one("form[method=post]", main())) location.reload();
    return;
  }
  // What came while it was being made is told again when the stream has to be opened anew.
  document.documentElement.dataset.asOf = page.documentElement.dataset.asOf ?? "";
  let changed = 0;
  for (const part of all("[data-live]")) {
    const next = page.getElementById(part.id);
    if (next && !part.closest("dialog") && morph(part, next)) {
      refresh(part);
      if (part.dataset.quiet === undefined) changed += 1;
    }
  }
  const state = page.getElementById("main")?.dataset.state;
  if (state !== undefined && state !== main().dataset.state) {
    // Whose nothing is lost by it takes the new version at once; the others say that there is one.
    const offer = new CustomEvent("accord:meanwhile", { detail: page, cancelable: true });
    if (document.dispatchEvent(offer)) for (const note of all("[data-meanwhile]")) note.hidden = false;
    else changed += 1;
  }
  if (changed) {
    say("This page has been updated.");
    // What the last act said is old news by now.
    if (performance.now() > NEWS) one(".note")?.remove();
    document.dispatchEvent(new CustomEvent("accord:updated"));
  }
  after(page);
}

// What is being edited can no longer be done at all: it is said in the server's words, and nothing is taken away.
function over(page) {
  // Perhaps that is what we are doing ourselves, and the page is left then; if we are refused for it, it is said after that.
  if (one("form[aria-busy]")) { again = true; return; }
  const sentence = one(".failure .lead", page)?.textContent.trim();
  for (const note of all("[data-meanwhile]")) {
    const place = one("[data-happened]", note);
    if (place && sentence) place.textContent = sentence;
    note.hidden = false;
  }
  document.dispatchEvent(new CustomEvent("accord:over"));
}

// A stream for each tab that is looked at: a browser opens only six connections to a host.
let source = null;
let lost = false;

function listen() {
  if (source || document.visibilityState !== "visible") return;
  // The page is older than its stream: what came between is told first.
  source = new EventSource(`/api/v1/events?since=${document.documentElement.dataset.asOf || Date.now()}`);
  source.addEventListener("changed", (event) => {
    const change = JSON.parse(event.data);
    document.dispatchEvent(new CustomEvent("accord:changed", { detail: change }));
    if (concerns(change)) soon();
  });
  source.addEventListener("open", () => {
    document.documentElement.dataset.listening = "";
    if (lost) soon();
    lost = false;
  });
  source.addEventListener("error", () => {
    delete document.documentElement.dataset.listening;
    lost = true;
    // Refused for good (logged out, or Accord is starting): the browser does not try again by itself.
    if (source?.readyState === EventSource.CLOSED) {
      source = null;
      setTimeout(listen, 5000 + 5000 * Math.random());
    }
  });
}

function pause() {
  source?.close();
  source = null;
  lost = true;
  delete document.documentElement.dataset.listening;
}

if (one("meta[name=csrf-token]") && "EventSource" in window) {
  listen();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") { listen(); soon(); } else pause();
  });
  addEventListener("pagehide", pause);
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(); soon(); } });
}
