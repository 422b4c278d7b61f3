// The Partnership History: everything opened at once, also for printing; older entries as one scrolls; what is new on top.
import { all, ask, enhance, make, one, refresh } from "./dom.js";
import { follow } from "./live.js";

const MOST = 200;
const PAGES = 100;
const timeline = () => one("#timeline");
const entries = () => all(".timeline > li", timeline());
const details = () => all("details", timeline());

// Entries of `days` (sections of another page, or of ours) below those that are here, each once and below its day.
function append(days) {
  const known = new Set(entries().map((entry) => entry.dataset.key));
  for (const day of days) {
    const fresh = all(".timeline > li", day).filter((entry) => !known.has(entry.dataset.key));
    if (!fresh.length) continue;
    const same = all(".day", timeline()).find((mine) => mine.dataset.key === day.dataset.key);
    if (same) one(".timeline", same).append(...fresh);
    else {
      const last = all(".day", timeline()).at(-1);
      one(".timeline", day).replaceChildren(...fresh);
      if (last) last.after(day);
      else timeline().prepend(day);
    }
  }
  refresh(timeline());
}

// The next page, in place of the link to it. False when there is none, or it could not be had.
async function older() {
  const link = one("[data-older]");
  if (!link || link.dataset.loading) return false;
  link.dataset.loading = "yes";
  try {
    const found = await ask(link.href);
    if (!found || found.status !== 200) return false;
    append(all("#timeline > .day", found.page));
    const next = one("[data-older]", found.page);
    if (next) link.href = next.href;
    else link.closest(".pager").remove();
    return true;
  } catch {
    return false; // the link is still there to be tried again
  } finally {
    delete link.dataset.loading;
  }
}

enhance("[data-older]", (link) => {
  const near = () => link.isConnected && link.getBoundingClientRect().top < innerHeight + 400;
  const more = async () => { while (near() && (await older())); };
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    if (!(await older()) && link.isConnected) location.assign(link.href);
  });
  new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) more(); }, { rootMargin: "400px" }).observe(link);
});

// Asked what became of it: for as many entries as are shown. What one answer cannot hold is put back below it; so is the way on.
let rest = [];
let onwards = null;
follow({
  address: () => {
    const shown = entries();
    // Only what is shown beyond a first page needs to be asked for.
    const address = new URL(location.href);
    if (shown.length > 50) address.searchParams.set("limit", String(shown.length));
    rest = (shown.length > MOST ? shown.slice(MOST / 2) : []).map((entry) => {
      const day = entry.closest(".day");
      const copy = make("section");
      copy.dataset.key = day.dataset.key;
      copy.className = day.className;
      copy.setAttribute("aria-label", day.getAttribute("aria-label"));
      const list = make("ol", { className: "timeline card" });
      list.append(entry.cloneNode(true));
      copy.append(one("h2", day).cloneNode(true), list);
      return copy;
    });
    onwards = rest.length ? (one("[data-older]")?.href ?? "") : null;
    return address.href;
  },
  after: () => {
    if (onwards === null) return;
    append(rest);
    const link = one("[data-older]");
    if (link && onwards) link.href = onwards;
    else link?.closest(".pager").remove();
    rest = [];
    onwards = null;
  },
});

enhance("[data-expand]", (button) => {
  const tell = () => {
    button.hidden = details().length === 0;
    button.textContent = details().some((entry) => !entry.open) ? "Expand all" : "Collapse all";
  };
  button.addEventListener("click", () => {
    const open = details().some((entry) => !entry.open);
    for (const entry of details()) entry.open = open;
    tell();
  });
  timeline().addEventListener("toggle", tell, { capture: true });
  new MutationObserver(tell).observe(timeline(), { childList: true, subtree: true });
  tell();
});

// On paper everything is told, and all of it.
enhance("[data-print]", (button) => button.addEventListener("click", async () => {
  button.disabled = true;
  for (let page = 0; page < PAGES && one("[data-older]"); page += 1) if (!(await older())) break;
  button.disabled = false;
  print();
}));
let before = [];
addEventListener("beforeprint", () => {
  before = details().filter((entry) => !entry.open);
  for (const entry of before) entry.open = true;
});
addEventListener("afterprint", () => { for (const entry of before) entry.open = false; });
