// The directory: more contacts as one scrolls, and a list that keeps what was loaded when somebody changes it.
import { all, ask, enhance, one, refresh } from "./dom.js";
import { follow } from "./live.js";

const list = () => one("#contacts");
const MOST = 200;

async function more(link) {
  if (link.dataset.loading) return;
  link.dataset.loading = "yes";
  let came = false;
  try {
    const found = await ask(link.href);
    if (!found || found.status !== 200) return;
    const known = new Set(all("[data-key]", list()).map((row) => row.dataset.key));
    for (const row of all("#contacts > li", found.page)) {
      if (known.has(row.dataset.key)) continue;
      list().append(row);
      refresh(row);
    }
    came = true;
    const next = one(".pager [rel=next]", found.page);
    if (next) link.href = next.href;
    else link.closest(".pager").remove();
  } catch { /* the link is still there to be tried again */ } finally {
    delete link.dataset.loading;
    // Still in sight: the next ones are wanted, too.
    if (came && link.isConnected && link.getBoundingClientRect().top < innerHeight + 600) setTimeout(() => more(link), 50);
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
    const shown = list() ? all(":scope > li", list()) : [];
    rest = shown.slice(MOST);
    const address = new URL(location.href);
    if (shown.length > 0) address.searchParams.set("limit", String(shown.length));
    return address.href;
  },
  after: () => {
    if (!rest.length || !list()) return;
    const known = new Set(all(":scope > li", list()).map((row) => row.dataset.key));
    list().append(...rest.filter((row) => !known.has(row.dataset.key)));
    rest = [];
  },
});
