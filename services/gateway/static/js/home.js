// Home: more tiles as one scrolls, and a list that keeps what was loaded when something changes.
import { all, ask, enhance, one, refresh } from "./dom.js";
import { follow } from "./live.js";

const tiles = () => one("#tiles");
const MOST = 200;

async function more(link) {
  if (link.dataset.loading) return;
  link.dataset.loading = "yes";
  try {
    const asked = location.href;
    const found = await ask(link.href);
    // Meanwhile one may have looked for something else.
    if (!found || found.status !== 200 || location.href !== asked || !link.isConnected) return;
    const list = tiles();
    const known = new Set(all("[data-key]", list).map((tile) => tile.dataset.key));
    for (const tile of all("#tiles > li", found.page)) {
      if (known.has(tile.dataset.key)) continue;
      list.append(tile);
      refresh(tile);
    }
    const next = one(".pager [rel=next]", found.page);
    if (next) link.href = next.href;
    else link.closest(".pager").remove();
  } catch { /* the link is still there to be tried again */ } finally {
    delete link.dataset.loading;
    // Still in sight: the next ones are wanted, too.
    if (link.isConnected && link.getBoundingClientRect().top < innerHeight + 600) setTimeout(() => more(link), 50);
  }
}

enhance(".pager [rel=next]", (link) => {
  link.textContent = "Show more";
  one(".pager a:not([rel=next])")?.remove();
  link.addEventListener("click", (event) => { event.preventDefault(); more(link); });
  new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) more(link); }, { rootMargin: "600px" }).observe(link);
});

// Asked what became of the list: for as many as are shown. Beyond what one answer may hold, the rest stays as it was loaded.
let rest = [];
follow({
  address: () => {
    const shown = tiles() ? all(":scope > li", tiles()) : [];
    rest = shown.slice(MOST);
    const address = new URL(location.href);
    if (shown.length > 0) address.searchParams.set("limit", String(shown.length));
    return address.href;
  },
  after: () => {
    if (!rest.length || !tiles()) return;
    const known = new Set(all(":scope > li", tiles()).map((tile) => tile.dataset.key));
    tiles().append(...rest.filter((tile) => !known.has(tile.dataset.key)));
    rest = [];
  },
});
