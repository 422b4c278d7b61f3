// Questions as dialogs. A link or form marked `data-dialog` leads to a page with a `.question`; with this script the question opens in
// place. The browser's own modal dialog keeps the focus inside, closes with Escape and gives the focus back. A form that is posted and marked
// `data-dialog="asks"` does nothing but ask at first, so that it may be sent again to hear whether it still would.
import { all, ask, enhance, make, one, refresh, sending } from "./dom.js";

let number = 0;
// How the question of a dialog is asked for: an address, and what `fetch` takes.
const asked = new WeakMap();

// Show `content` as a modal dialog; returns it. It removes itself when it closes.
function show(content) {
  const dialog = make("dialog", { className: "dialog" }, content);
  document.body.append(dialog);
  dress(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  // A press on what lies around it closes it, if it began there too: a text that is marked with the mouse often ends outside.
  let outside = false;
  dialog.addEventListener("pointerdown", (event) => { outside = event.target === dialog; });
  dialog.addEventListener("click", (event) => { if (outside && event.target === dialog && !typed(dialog)) dialog.close(); });
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-cancel]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("submit", (event) => submitted(event, dialog));
  dialog.showModal();
  focusFirst(dialog);
  return dialog;
}

const typed = (dialog) => all("textarea, input[type=text], input[type=search]", dialog).some((field) => field.value !== field.defaultValue);

// Where nothing is to be entered and what is asked takes something away, a second Enter must not do it: the focus is on the way out.
function focusFirst(dialog) {
  const out = one("button.danger:not(:disabled)", dialog) && one(".actions > [data-cancel], .actions > .button:not(.danger)", dialog);
  const first = one("[autofocus], [aria-invalid=true], textarea, input:not([type=hidden])", dialog) ?? out ?? one("button:not([data-cancel])", dialog);
  first?.focus();
}

// A page has one h1; the heading of a dialog names the dialog.
function dress(dialog) {
  const heading = one("h1", dialog);
  if (heading) {
    const title = make("h2", { id: heading.id || `dialog-${(number += 1)}`, className: "dialog-title" });
    title.append(...heading.childNodes);
    heading.replaceWith(title);
    dialog.setAttribute("aria-labelledby", title.id);
  }
  refresh(dialog);
}

function replace(dialog, content) {
  dialog.replaceChildren(content);
  dress(dialog);
  focusFirst(dialog);
}

// What went wrong, above what was entered, which stays.
function trouble(dialog, title, sentence) {
  one(".summary", dialog)?.remove();
  const box = make("div", { className: "summary", role: "alert", tabIndex: -1 }, make("h2", { textContent: title }), make("p", { textContent: sentence }));
  const form = one("form", dialog) ?? dialog;
  const heading = one(".dialog-title", form);
  if (heading) heading.after(box);
  else form.prepend(box);
  box.focus();
}

// What it asks can no longer be done: trying again would change nothing, and choosing somebody neither.
function settled(dialog) {
  for (const button of all("button.primary, button.danger", dialog)) {
    button.disabled = true;
    button.removeAttribute("data-needs-chosen");
  }
}

// The same for a dialog that this page has made itself, which the server is not asked about.
export function over(dialog, sentence) {
  trouble(dialog, "This can no longer be done", sentence);
  settled(dialog);
}

async function submitted(event, dialog) {
  const form = event.target;
  if (form.method === "dialog" || event.defaultPrevented || !form.action) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy")) return;
  const [url, options] = sending(form, event.submitter);
  form.setAttribute("aria-busy", "true");
  try {
    const found = await ask(url, options);
    if (!found) return; // on the way to another page: stay busy
    form.removeAttribute("aria-busy");
    const question = one(".question", found.page);
    const failure = one(".failure", found.page);
    if (question) replace(dialog, question);
    else if (failure) {
      trouble(dialog, one("h1", failure).textContent, one(".lead", failure)?.textContent ?? "");
      if (found.status < 500) settled(dialog);
    } else {
      dialog.close();
      swapMain(found.page);
    }
  } catch {
    form.removeAttribute("aria-busy");
    trouble(dialog, "There is no answer", "Nothing has been lost. Check the connection, then try again.");
  }
}

// The main part of another page in the place of ours, with the focus where that page wants it.
export function swapMain(page) {
  const now = document.getElementById("main");
  const next = page.getElementById("main");
  if (!next) return;
  document.title = page.title;
  now.replaceWith(next);
  refresh(next);
  const first = one("[autofocus]", next) ?? one(".summary[tabindex]", next);
  (first ?? next).focus();
  if (!first) scrollTo(0, 0);
}

async function open(source, url, options) {
  if (source.getAttribute("aria-busy")) return;
  source.setAttribute("aria-busy", "true");
  try {
    const found = await ask(url, options);
    if (!found) return;
    const question = one(".question", found.page);
    const failure = one(".failure", found.page);
    if (question) {
      const dialog = show(question);
      if (!options?.method || source.dataset.dialog === "asks") asked.set(dialog, [url, options]);
    } else if (failure) tell(one("h1", failure).textContent, one(".lead", failure)?.textContent ?? "");
    else if (options?.method === "POST") swapMain(found.page);
    else location.assign(url);
  } catch {
    tell("There is no answer", "Nothing has been lost. Check the connection, then try again.");
  } finally {
    source.removeAttribute("aria-busy");
  }
}

// The page behind has changed: perhaps what is asked can no longer be done. It is said in the server's words, and what was typed stays.
async function overtaken() {
  for (const dialog of all("dialog[open]")) {
    if (!asked.has(dialog) || one("form[aria-busy]", dialog)) continue;
    try {
      const found = await ask(...asked.get(dialog));
      const failure = found?.status === 409 && one(".failure", found.page);
      if (!failure || !dialog.open || !asked.has(dialog) || one("form[aria-busy]", dialog)) continue;
      asked.delete(dialog);
      trouble(dialog, one("h1", failure).textContent, one(".lead", failure)?.textContent ?? "");
      settled(dialog);
    } catch { /* away for a moment: whoever answers is told then */ }
  }
}
for (const event of ["accord:updated", "accord:meanwhile", "accord:over"]) document.addEventListener(event, overtaken);

// Something to know, with one way on.
export function tell(title, sentence) {
  const form = make("form", { method: "dialog", className: "question" },
    make("h1", { textContent: title }), make("p", { textContent: sentence }),
    make("p", { className: "actions" }, make("button", { className: "button primary", textContent: "Close" })));
  return show(form);
}

// Ask something without the server: true for yes.
export function confirmed({ title, sentence, yes = "Yes", no = "No", danger = false }) {
  const form = make("form", { method: "dialog", className: "question" },
    make("h1", { textContent: title }), make("p", { textContent: sentence }),
    make("p", { className: "actions" },
      make("button", { className: `button ${danger ? "danger" : "primary"}`, value: "yes", textContent: yes }),
      make("button", { className: "button", value: "no", textContent: no })));
  const dialog = show(form);
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes")));
}

// A template of this page as a dialog; returns it.
export const openTemplate = (template) => show(template.content.firstElementChild.cloneNode(true));

enhance("a[data-dialog]", (link) => link.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
  event.preventDefault();
  // A menu that is open would lie below; and it is where the focus returns to.
  const menu = link.closest("[popover]");
  menu?.hidePopover();
  open(link, link.href);
}));

enhance("form[data-dialog]", (form) => form.addEventListener("submit", (event) => {
  if (event.defaultPrevented || form.closest("dialog")) return;
  event.preventDefault();
  open(form, ...sending(form, event.submitter));
}));
