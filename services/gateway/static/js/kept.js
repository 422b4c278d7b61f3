// What was entered when the page was loaded again, or when the session turned out to have ended: it stands in its form again, after a login
// on the way as well. Only for who had entered it, only in this tab, and never a password. Runs before other scripts set up the forms, so they
// meet the form as it was left.
import { all, enhance, make, one } from "./dom.js";

const KEY = "accord.kept";
const OWN = ["csrf_token", "idempotency_key"];
const who = one("meta[name=csrf-token]")?.dataset.visitor;

function write(kept) {
  try {
    if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
  } catch { /* no room: it is entered again */ }
}

function read() {
  try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; }
}

const here = () => location.pathname + location.search;
const entries = (form) => [...new FormData(form)].filter(([name, value]) => !OWN.includes(name) && typeof value === "string");
const told = (form) => JSON.stringify(entries(form).map((entry) => entry.join("=")).sort());

// A page of somebody takes what was kept for it and ends it; the login on the way passes it on; any other page ends it.
let back = [];
const kept = read();
if (!who) write(kept && location.pathname === "/login" ? { ...kept, led: true } : null);
else {
  const again = kept?.led || performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (again && kept?.who === who && kept.page === here()) back = kept.forms;
  write(null);
}

const keep = (forms) => write(forms.length ? { who, page: here(), forms: forms.map((form) => ({ action: form.action, entries: entries(form) })) } : null);

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
    else if (given?.length) field.value = given.shift();
  }
  const note = make("p", { className: "meanwhile no-print", role: "status", textContent: "What you had entered is here again. It has not been saved yet." });
  (one(".dialog-title, h1, h2", form) ?? form.firstElementChild).after(note);
}

// Forms with a keeping of their own (`data-store`) and those that ask for a password are left alone.
enhance("main form[method=post]:not([data-store]), dialog form[method=post]:not([data-store])", (form) => {
  if (one("input[type=password]", form)) return;
  form.keeps = told(form);
  restore(form);
  form.addEventListener("submit", () => {
    if (!form.hasAttribute("data-dialog") && !form.closest("dialog")) keep([form]);
  });
});

const keepAll = () => keep(all("form[method=post]").filter((form) => form.keeps !== undefined && told(form) !== form.keeps));

// Led to the login, what was entered is kept on the way; led anywhere else, it has been taken. Whoever logs out leaves nothing behind.
let led = false;
document.addEventListener("accord:go", ({ detail }) => {
  led = true;
  if (who && detail.startsWith("/login")) keepAll();
});
enhance("form[action='/logout']", (form) => form.addEventListener("submit", () => {
  document.dispatchEvent(new CustomEvent("accord:go", { detail: "/logout" }));
  try { sessionStorage.clear(); } catch { /* nothing was kept */ }
}));
addEventListener("pagehide", () => { if (who && !led) keepAll(); });
addEventListener("pageshow", () => { led = false; });
