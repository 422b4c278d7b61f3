// Lists that are longer than a page. Show more is a link to the rest; with this script the rest comes below, by itself as one scrolls near,
// and a list that follows changes keeps what was loaded.
//
//   <ul data-list><li data-key="…">                                 or, by day,
//   <div data-list><section data-key="day-…"><h2><ul><li data-key="…">
//   <nav class="pager"><a rel="next">                               the way to the rest (`pager` of parts/pieces.html)
import { all, ask, enhance, one, refresh, say } from "./dom.js";
import { follow } from "./live.js";

const NEAR = 600;
const MOST = 200;

const list = (page = document) => one("[data-list]", page);
const entries = (page) => (list(page) ? all("li[data-key]", list(page)) : []);
const onward = (page) => one(".pager [rel=next]", page);
const held = (page) => entries(page).map((entry) => ({ entry, day: entry.closest("section[data-key]") }));

// Below those that are here, each once and below its day. Returns those that are new here.
function append(some) {
  const known = new Set(entries().map((entry) => entry.dataset.key));
  const fresh = some.filter(({ entry }) => !known.has(entry.dataset.key));
  for (const { entry, day } of fresh) {
    let place = list();
    if (day) {
      let mine = all(":scope > section", place).find((other) => other.dataset.key === day.dataset.key);
      if (!mine) {
        mine = document.importNode(day, true);
        one("ul, ol", mine).replaceChildren();
        place.append(mine);
      }
      place = one("ul, ol", mine);
    }
    place.append(entry);
    refresh(entry);
  }
  return fresh.map(({ entry }) => entry);
}

function leads(link, to) {
  if (to) { link.href = to; return; }
  const pager = link.closest(".pager");
  link.remove();
  if (!pager.childElementCount) pager.remove();
}

let running = null;

// The next page in place of the link to it. False when there is none, or it could not be had.
export async function more() {
  running ??= next(onward());
  try { return await running; } finally { running = null; }
}

async function next(link) {
  if (!link) return false;
  try {
    const asked = location.href;
    const found = await ask(link.href);
    // Meanwhile one may have looked for something else.
    if (!found || found.status !== 200 || location.href !== asked || !link.isConnected) return false;
    const left = document.activeElement === link;
    const fresh = append(held(found.page));
    leads(link, onward(found.page)?.href);
    if (fresh.length) say(link.isConnected ? `${fresh.length} more shown` : `${fresh.length} more shown, and these are all`);
    // Whoever was at the link goes on with what has come in its place.
    if (left && fresh.length) {
      const [first] = fresh;
      const inside = one("a[href], summary, button", first);
      if (!inside) first.tabIndex = -1;
      (inside ?? first).focus();
    }
    return true;
  } catch {
    return false; // the link is still there to be tried again
  }
}

enhance(".pager [rel=next]", (link) => {
  const near = () => link.isConnected && link.getBoundingClientRect().top < innerHeight + NEAR;
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (!(await more()) && link.isConnected) location.assign(link.href);
  });
  new IntersectionObserver(async (seen) => {
    if (!seen.some((entry) => entry.isIntersecting)) return;
    while (near() && (await more()));
  }, { rootMargin: `${NEAR}px` }).observe(link);
});

// Asked what became of the list: for as many as are shown. What lies beyond the answer stays as it was loaded.
let before = [];
let rest = "";
let focused = null;
follow({
  address: () => {
    before = held();
    rest = onward()?.href ?? "";
    focused = document.activeElement;
    const address = new URL(location.href);
    if (before.length) address.searchParams.set("limit", String(Math.min(before.length, MOST)));
    return address.href;
  },
  after: (page) => {
    const answered = entries(page).map((entry) => entry.dataset.key);
    const keys = before.map(({ entry }) => entry.dataset.key);
    const last = Math.max(...keys.map((key, place) => (answered.includes(key) ? place : -1)), -1);
    const beyond = before.slice(last + 1);
    before = [];
    // What ends with something else reaches further than we had come, and what has nothing in common leaves a gap: the link closes it.
    if (last < 0 || !beyond.length || !onward(page) || !keys.includes(answered.at(-1))) return;
    append(beyond);
    if (document.activeElement === document.body) focused?.focus({ preventScroll: true });
    const link = onward();
    if (link) leads(link, rest);
  },
});
