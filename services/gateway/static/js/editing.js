// Assigned Contacts: picking whom to release and whom to add (OE-12 to OE-15). The boxes of the form hold the picks; this script shows
// additions only once they are picked, offers them in a pop-up, and keeps what was picked over a reload.
import { openTemplate, tell } from "./dialog.js";
import { all, enhance, make, one, refresh } from "./dom.js";

const LABELS = {
  release_contact_ids: ["To Be Released", "is-modified"],
  add_contact_ids: ["To Be Added", "is-offered"],
};
const counted = (number, one_, many) => number && `${number} ${number === 1 ? one_ : many}`;

enhance("form[data-picking]", (form) => {
  form.classList.add("running");
  const update = one("[data-update]", form);
  const picked = one("[data-picked]", form);
  // Who could be added is not in the page before they are picked: there is nothing to be found that cannot be seen.
  const place = one("[data-addable] .bands", form);
  const pool = place ? all(":scope > li", place) : [];
  one("[data-addable]", form)?.setAttribute("aria-label", "Additions");
  one("[data-addable] legend", form)?.remove();
  const box = (item) => one("input[type=checkbox]", item);
  const boxes = () => [...all("[data-people] input[type=checkbox]", form), ...pool.map(box)];

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
    const chosen = boxes().filter((input) => input.checked);
    const number = (name) => chosen.filter((input) => input.name === name).length;
    update.disabled = chosen.length === 0;
    picked.textContent = [counted(number("release_contact_ids"), "release", "releases"), counted(number("add_contact_ids"), "addition", "additions")].filter(Boolean).join(", ");
    sessionStorage.setItem(form.dataset.store, JSON.stringify(chosen.map((input) => input.value)));
  }

  const navigation = performance.getEntriesByType("navigation")[0]?.type;
  if (navigation === "reload" || navigation === "back_forward") {
    try {
      const kept = new Set(JSON.parse(sessionStorage.getItem(form.dataset.store)) ?? []);
      for (const input of boxes()) input.checked ||= kept.has(input.value);
    } catch { /* nothing was kept */ }
  }
  form.addEventListener("change", show);
  one("[data-anew]")?.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
  show();

  one("[data-add]", form)?.addEventListener("click", () => {
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
    const save = make("button", { className: "button primary", value: "save", textContent: "Save", disabled: true });
    const search = make("input", { type: "search", placeholder: "Search by name", autocomplete: "off", "aria-label": "Search" });
    search.setAttribute("data-search", "");
    const list = make("ul", { className: "bands" });
    list.append(...bands);
    const question = make("form", { method: "dialog", className: "question wide" },
      make("h1", { textContent: "Add Contact(s)" }),
      make("div", { className: "choice" }, make("div", { className: "search" }, search), list),
      make("p", { className: "actions" }, save, make("button", { type: "button", className: "button", textContent: "Cancel", "data-cancel": "" })));
    one(".choice", question).setAttribute("data-choice", "");
    const template = make("template");
    template.content.append(question);
    const dialog = openTemplate(template);
    const chosen = () => all("input[type=checkbox]:checked", dialog).map((box) => box.value);
    dialog.addEventListener("change", () => { one("button[value=save]", dialog).disabled = chosen().length === 0; });
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "save") return;
      const wanted = new Set(chosen());
      for (const item of free) if (wanted.has(box(item).value)) box(item).checked = true;
      show();
      refresh(form);
    });
  });
});
