// Forms: counters, tenant names, lists of people to choose from, and one sending for a double click.
import { all, enhance, make, one } from "./dom.js";

// How long a text is as the server counts it: code points, without the space around it.
export const length = (text) => Array.from(text.trim()).length;

// A counter says how many characters are left; nothing that was typed is ever cut off.
enhance("textarea[data-limit]", (area) => {
  const limit = Number(area.dataset.limit);
  const counter = document.getElementById(`${area.id}-count`);
  if (!counter) return;
  const spoken = make("span", { className: "unseen", role: "status" });
  counter.after(spoken);
  let timer = 0;
  const count = () => {
    const left = limit - length(area.value);
    counter.textContent = left < 0
      ? `${-left} ${left === -1 ? "character" : "characters"} too many`
      : `${left} of ${limit} characters left`;
    counter.classList.toggle("over", left < 0);
    clearTimeout(timer);
    timer = setTimeout(() => { if (document.activeElement === area) spoken.textContent = left < 50 ? counter.textContent : ""; }, 1000);
  };
  area.addEventListener("input", count);
  area.form?.addEventListener("reset", () => setTimeout(count));
  // The browser's back button brings back what was typed, without a word to us.
  addEventListener("pageshow", count);
  count();
});

// A pasted address becomes the tenant name in it (the server does the same).
export function tenantOf(text) {
  const typed = text.trim().toLowerCase();
  if (!/[./:]/.test(typed) || typed.includes("@")) return typed;
  try {
    const host = new URL(typed.includes("://") ? typed : `http://${typed}`).hostname;
    return host.split(".").filter((label) => label && label !== "www")[0] ?? typed;
  } catch {
    return typed; // no address: the server says what is wrong with it
  }
}
enhance("input[data-tenant]", (field) => {
  const reduce = () => {
    const name = tenantOf(field.value);
    if (name === field.value) return;
    field.value = name;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  field.addEventListener("paste", () => setTimeout(reduce));
  field.addEventListener("change", reduce);
});

// Without case and accents, as the server searches.
const TYPED_AS = { ø: "o", ł: "l", đ: "d", ð: "d", ı: "i", ħ: "h", æ: "ae", œ: "oe", þ: "th", ß: "ss" };
const fold = (text) => text.normalize("NFD").toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[øłđðıħæœþß]/g, (letter) => TYPED_AS[letter]).normalize("NFC");

// Lists of people: a search by name, and how many are chosen. What needs somebody (`data-needs-chosen`) waits until there is one.
enhance("[data-choice]", (group) => {
  const list = one(".bands", group);
  if (!list) return;
  const chosen = make("p", { className: "hint chosen", role: "status" });
  const tell = () => {
    const number = all("input:checked", list).length;
    chosen.textContent = number ? `${number} chosen` : "Nobody chosen yet";
    for (const button of all("[data-needs-chosen]", group.closest("form"))) button.disabled = !number;
  };
  list.after(chosen);
  group.addEventListener("change", tell);
  addEventListener("pageshow", tell);
  tell();
  const search = one("[data-search]", group);
  if (!search) return;
  search.closest("[hidden]")?.removeAttribute("hidden");
  const nobody = make("p", { className: "hint", role: "status" });
  list.before(nobody);
  const find = () => {
    const wanted = fold(search.value.trim());
    let shown = 0;
    for (const band of all(".band", list)) {
      const fits = fold(band.textContent).includes(wanted);
      band.parentElement.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    nobody.textContent = shown ? "" : "Nobody is called that.";
  };
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
});

// A second click on a form that is on its way does nothing. (The server would answer it with the first answer.)
enhance("form[method=post]", (form) => {
  let sent = 0;
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (Date.now() - sent < 8000 && !form.hasAttribute("data-dialog") && !form.closest("dialog")) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    sent = Date.now();
    if (!form.hasAttribute("data-dialog") && !form.closest("dialog")) form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => { sent = 0; form.removeAttribute("aria-busy"); });
});

// A button that only leads somewhere leads to just that address: by itself the browser would put a bare `?` behind it.
enhance("form.go", (form) => form.addEventListener("submit", (event) => {
  if (event.defaultPrevented || one("[name]", form)) return;
  event.preventDefault();
  location.assign(form.action);
}));
