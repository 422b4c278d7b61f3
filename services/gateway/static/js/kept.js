// What was entered when the page was loaded again, left and come back to, or when the session turned out to have ended: it stands in its form
// again, after a login on the way as well. Only for who had entered it, only in this tab, and never a password. Runs before other scripts set up
// the forms, so they meet the form as it was left.
import { all, enhance, make, one } from "./dom.js";

const KEY = "accord.kept";
const OWN = ["csrf_token", "idempotency_key"];
const who = one("meta[name=csrf-token]")?.dataset.visitor;

function write(kept) {
  try {
    if (kept?.length) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
  } catch { /* no room: it is entered again */ }
}

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(kept) ? kept : [];
  } catch { return []; }
}

const here = () => location.pathname + location.search;
const draft = (form) => ({ action: form.action, entries: entries(form) });
const entries = (form) => [...new FormData(form)].filter(([name, value]) => !OWN.includes(name) && typeof value === "string");
const told = (form) => JSON.stringify(entries(form).map((entry) => entry.join("=")).sort());

// A page takes what was kept for it and ends it; the login on the way passes it on. Any other page leaves it for the browser's back button, but
// for what was sent there: that has been taken.
const MOST_PAGES = 10;
let back = [];
const kept = read();
if (!who) write(location.pathname === "/login" ? kept.map((one) => ({ ...one, led: one.led || one.last })) : null);
else {
  const way = performance.getEntriesByType("navigation")[0]?.type;
  const mine = kept.find((one) => one.page === here() && one.who === who);
  if (mine && (mine.led || way === "reload" || (way === "back_forward" && !mine.sent))) back = mine.forms;
  write(kept.filter((one) => one !== mine && one.who === who && !one.sent).map((one) => ({ ...one, led: false, last: false })));
}

// With what still waits for its question to be asked again. `last`: the page that one has just left, to which a login leads back.
function keep(changed, sent = false) {
  const others = read().filter((one) => one.page !== here());
  const forms = [...changed.map(draft), ...back];
  const mine = { who, page: here(), sent, last: true, forms };
  write([...others, ...(forms.length ? [mine] : [])].slice(-MOST_PAGES));
}

function restore(form) {
  const found = back.find(({ action }) => action === form.action);
  if (!found) return;
  back = back.filter((other) => other !== found);
  const values = new Map();
  for (const [name, value] of found.entries) values.set(name, [...(values.get(name) ?? []), value]);
  // What a question is about may be something else by now than when it was asked: only what people enter is put back there.
  const not = form.closest("dialog") ? ["submit", "file", "hidden"] : ["submit", "file"];
  for (const field of form.elements) {
    if (!field.name || field.disabled || OWN.includes(field.name) || not.includes(field.type)) continue;
    const given = values.get(field.name);
    if (["checkbox", "radio"].includes(field.type)) field.checked = Boolean(given?.includes(field.value));
    else if (given?.length) {
      field.value = given.shift();
      // What is written stands where it is seen.
      if (field.value && field.matches("textarea")) field.closest("details")?.setAttribute("open", "");
    }
  }
  // Rows that a script had added are not in the page that came.
  const whole = [...values.keys()].every((name) => OWN.includes(name) || form.elements.namedItem(name));
  const note = make("p", { className: "meanwhile no-print", role: "status", textContent: whole
    ? "What you had entered is here again. It has not been saved yet."
    : "Part of what you had entered is here again. Look through it: nothing has been saved yet." });
  const title = form.closest("dialog") ? one(".dialog-title, h1, h2", form) : one(":scope > h1, :scope > h2", form);
  if (title) title.after(note);
  else form.prepend(note);
}

// How each form of the page was when the page came. One that the server has shown again since, in place, with what was entered, is compared with that.
const began = new Map();
function beginning(form) {
  if (form.closest("dialog")) return told(form);
  if (!began.has(form.action)) began.set(form.action, told(form));
  return began.get(form.action);
}

// Forms with a keeping of their own (`data-store`) and those that ask for a password are left alone.
enhance("main form[method=post]:not([data-store]), dialog form[method=post]:not([data-store])", (form) => {
  if (one("input[type=password]", form)) return;
  form.keeps = beginning(form);
  restore(form);
  // A question that is left with Escape waits with what was written, to be asked again; Cancel takes it away.
  form.closest("dialog")?.addEventListener("cancel", () => {
    if (form.isConnected && told(form) !== form.keeps) back = [...back.filter(({ action }) => action !== form.action), draft(form)];
  });
  form.addEventListener("submit", () => {
    if (form.hasAttribute("data-dialog") || form.closest("dialog")) return;
    sending = true;
    keep([form], true);
  });
});

const keepAll = () => keep(all("form[method=post]").filter((form) => form.keeps !== undefined && told(form) !== form.keeps), sending);

// Led to the login, what was entered is kept on the way; led anywhere else, it has been taken. Whoever logs out leaves nothing behind.
let led = false;
let sending = false;
document.addEventListener("accord:go", ({ detail }) => {
  led = true;
  if (who && detail.startsWith("/login")) keepAll();
});
enhance("form[action='/logout']", (form) => form.addEventListener("submit", () => {
  document.dispatchEvent(new CustomEvent("accord:go", { detail: "/logout" }));
  try { sessionStorage.clear(); } catch { /* nothing was kept */ }
}));
addEventListener("pagehide", () => { if (who && !led) keepAll(); });
// What a script has taken away cannot be put back by what is kept: whoever leaves such a form (`data-unsaved`) is asked.
addEventListener("beforeunload", (event) => {
  if (!led && !sending && all("form[data-unsaved]").some((form) => told(form) !== form.keeps)) event.preventDefault();
});
addEventListener("pageshow", () => { led = sending = false; });
