// Assigned Contacts: picking whom to release and whom to add (OE-12 to OE-15). The boxes of the form hold the picks; this script shows
// additions only once they are picked, offers them in a pop-up, and keeps what was picked over a reload.
import { openTemplate, over, tell } from "./dialog.js";
import { all, enhance, make, one, refresh } from "./dom.js";

const LABELS = {
  release_contact_ids: ["To Be Released", "is-modified"],
  add_contact_ids: ["To Be Added", "is-offered"],
};

enhance("form[data-picking]", (form) => {
  form.classList.add("running");
  const update = one("[data-update]", form);
  const add = one("[data-add]", form);
  // The pop-up Add Contact(s) while it is open; and whether there is anything left to change.
  let adding = null;
  let ended = false;
  const picked = one("[data-picked]", form);
  // Who could be added is not in the page before they are picked: there is nothing to be found that cannot be seen.
  const place = one("[data-addable] .bands", form);
  const pool = place ? all(":scope > li", place) : [];
  one("[data-addable]", form)?.setAttribute("aria-label", "Additions");
  one("[data-addable] legend", form)?.remove();
  const box = (item) => one("input[type=checkbox]", item);
  const boxes = () => [...all("[data-people] input[type=checkbox]", form), ...pool.map(box)];
  const chosen = () => boxes().filter((input) => input.checked);
  const nameOf = (input) => one(".band-name b", input.closest(".band")).textContent;

  function label(input) {
    const band = input.closest(".band");
    const there = one(".when-picked", band);
    if (input.checked && !there) {
      const [text, kind] = LABELS[input.name];
      band.append(make("span", { className: `status ${kind} when-picked`, textContent: text }));
    } else if (!input.checked) there?.remove();
  }

  function show() {
    for (const item of pool) {
      if (!box(item).checked) item.remove();
      else if (!item.isConnected) place.append(item);
    }
    for (const input of boxes()) label(input);
    const picks = chosen();
    const number = (name) => picks.filter((input) => input.name === name).length;
    update.disabled = ended || picks.length === 0;
    // In other words than the labels: each of those is to be found once for each contact.
    picked.textContent = [["release", number("release_contact_ids")], ["addition", number("add_contact_ids")]]
      .filter(([, many]) => many).map(([what, many]) => `${many} ${what}${many === 1 ? "" : "s"}`).join(", ");
  }

  // — what was picked survives a reload, and a login in between —

  let led = false;
  const forget = () => sessionStorage.removeItem(form.dataset.store);
  const keep = (back) => {
    try {
      sessionStorage.setItem(form.dataset.store, JSON.stringify({ back, picks: chosen().map((input) => [input.value, nameOf(input)]) }));
    } catch { /* no room: the page still holds them */ }
  };
  function restore() {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(form.dataset.store)); } catch { /* nothing was kept */ }
    forget();
    const way = performance.getEntriesByType("navigation")[0]?.type;
    if (!kept || !(kept.back || way === "reload" || way === "back_forward")) return;
    const known = new Map(boxes().map((input) => [input.value, input]));
    for (const [id] of kept.picks) if (known.has(id)) known.get(id).checked = true;
    const gone = kept.picks.filter(([id]) => !known.has(id)).map(([, name]) => name);
    if (gone.length) {
      form.before(make("p", { className: "meanwhile no-print", role: "status",
        textContent: `What you had picked for ${gone.join(", ")} is gone: it was changed meanwhile.` }));
    }
  }
  addEventListener("pagehide", () => { if (form.isConnected && !led) keep(false); });
  document.addEventListener("accord:go", ({ detail }) => {
    if (!form.isConnected) return;
    // Somebody whose session has ended comes back here; anything else means that the proposal is on its way.
    if (detail.startsWith("/login")) keep(true);
    else forget();
    led = true;
  });
  addEventListener("beforeunload", (event) => { if (form.isConnected && !led && chosen().length) event.preventDefault(); });
  one("[data-anew]")?.addEventListener("click", (event) => {
    event.preventDefault();
    keep(true);
    led = true;
    location.reload();
  });
  // Nothing can be changed any more: it is said why, here and in the pop-up above, and what was picked stays to be read.
  function end(sentence = "This can no longer be changed.") {
    ended = true;
    update.disabled = true;
    if (add) add.disabled = true;
    one("[data-meanwhile] [data-happened]").textContent = sentence;
    if (adding) over(adding, sentence);
  }
  // Nothing is picked: the page becomes as it is now, and the focus stays where it was.
  function anew(event) {
    if (!form.isConnected) return document.removeEventListener("accord:meanwhile", anew);
    const next = event.detail.getElementById("working");
    if (next && !one("form[data-picking]", next)) end(one("[data-over]", next)?.textContent);
    if (!next || chosen().length || one("dialog[open]") || one("form[aria-busy]")) return;
    event.preventDefault();
    const { name, value } = document.activeElement ?? {};
    const mine = document.importNode(next, true);
    document.getElementById("working").replaceWith(mine);
    document.getElementById("main").dataset.state = event.detail.getElementById("main").dataset.state;
    refresh(mine);
    if (value) all("input[type=checkbox]", mine).find((input) => input.name === name && input.value === value)?.focus();
  }
  document.addEventListener("accord:meanwhile", anew);
  restore();

  form.addEventListener("change", (event) => {
    show();
    // Whoever is not to be added any more leaves the list, and takes the focus along.
    if (!event.target.isConnected) add.focus();
  });
  show();

  add?.addEventListener("click", () => {
    const free = pool.filter((item) => !box(item).checked);
    if (!free.length) {
      tell("Add Contact(s)", "Everybody in your directory is there or has been offered.");
      return;
    }
    const bands = free.map((item) => {
      const band = item.cloneNode(true);
      box(band).removeAttribute("name");
      return band;
    });
    const save = make("button", { className: "button primary", value: "save", textContent: "Save", "data-needs-chosen": "" });
    const choice = one("[data-choosing]", form).content.firstElementChild.cloneNode(true);
    one(".bands", choice).append(...bands);
    const question = make("form", { method: "dialog", className: "question wide" },
      make("h1", { textContent: "Add Contact(s)" }),
      choice,
      make("p", { className: "actions" }, save, make("button", { type: "button", className: "button", textContent: "Cancel", "data-cancel": "" })));
    const template = make("template");
    template.content.append(question);
    const dialog = openTemplate(template);
    adding = dialog;
    const wished = () => all("input[type=checkbox]:checked", dialog).map((input) => input.value);
    dialog.addEventListener("close", () => {
      adding = null;
      if (dialog.returnValue !== "save") return;
      const wanted = new Set(wished());
      for (const item of free) if (wanted.has(box(item).value)) box(item).checked = true;
      show();
      refresh(form);
    });
  });
});
