// Lists that are searched as one types: a GET form marked `data-find="#list"` takes effect at once. The part it names, and each other part
// with `data-live` outside the form, becomes as the answer says; the address follows, so that a reload shows the same.
import { all, ask, enhance, one, refresh, say } from "./dom.js";
import { morph } from "./morph.js";

const PAUSE = 180;

enhance("form[data-find]", (form) => {
  form.dataset.auto = "";
  let timer = 0;
  let newest = 0;

  // Short addresses: what is not chosen is not said.
  const address = () => {
    const chosen = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim()) chosen.append(name, value.trim());
    return chosen.size ? `${form.action}?${chosen}` : form.action;
  };

  async function find() {
    clearTimeout(timer);
    const mine = (newest += 1);
    const url = address();
    form.setAttribute("aria-busy", "true");
    try {
      const found = await ask(url);
      if (!found || mine !== newest) return;
      if (found.status !== 200 || !one(form.dataset.find, found.page)) { location.assign(url); return; }
      history.replaceState(null, "", url);
      for (const part of [one(form.dataset.find), ...all("[data-live]:not(.main-nav)")]) {
        const next = part.id && found.page.getElementById(part.id);
        if (next && morph(part, next)) refresh(part);
      }
      const list = one(form.dataset.find);
      const number = all("li[data-key]", list).length;
      say(number ? `${number} shown` : "Nothing found");
    } catch {
      location.assign(url);
    } finally {
      if (mine === newest) form.removeAttribute("aria-busy");
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.matches("select")) return;
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE);
  });
  form.addEventListener("change", (event) => { if (event.target.matches("select")) find(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); find(); });
});
