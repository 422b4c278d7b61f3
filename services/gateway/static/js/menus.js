// Menus are popovers: the browser opens them, closes them with Escape or a click elsewhere, and gives the focus back. This script puts
// them beside their button, lets the arrow keys move in them, and opens the menu of a tile with the right mouse button.
import { all, enhance, one } from "./dom.js";

const items = (menu) => all("a[href], button:not([disabled])", menu);

function place(menu, at) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - width, innerWidth - width - 8));
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

enhance("[popover].menu-list", (menu) => {
  // Looked for each time: what stands around an open menu may be drawn anew.
  const button = () => one(`[popovertarget="${menu.id}"]`);
  const around = () => menu.pointedAt ?? button().getBoundingClientRect();
  menu.addEventListener("beforetoggle", (event) => {
    menu.toggleAttribute("data-placed", event.newState === "open");
    // Not seen, and not to be hit, before it is in its place.
    if (event.newState === "open") menu.style.visibility = "hidden";
  });
  menu.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    button()?.setAttribute("aria-expanded", String(open));
    if (open) {
      place(menu, around());
      menu.style.visibility = "";
      items(menu)[0]?.focus();
    } else menu.pointedAt = null;
  });
  menu.addEventListener("keydown", (event) => {
    const list = items(menu);
    const at = list.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + list.length, Home: 0, End: list.length - 1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    list[to % list.length].focus();
  });
  button().setAttribute("aria-expanded", "false");
  addEventListener("scroll", () => { if (menu.matches(":popover-open")) place(menu, around()); }, { passive: true });
});

document.addEventListener("contextmenu", (event) => {
  const tile = event.target.closest("[data-menu]");
  const menu = tile && document.getElementById(tile.dataset.menu);
  // With a modifier, on a link's own text, or from the keyboard inside a field, the browser's menu is what is wanted.
  if (!menu || event.shiftKey || event.target.closest("input, textarea")) return;
  event.preventDefault();
  menu.pointedAt = event.clientX || event.clientY ? { right: event.clientX + menu.offsetWidth, top: event.clientY, bottom: event.clientY - 4 } : null;
  if (!menu.matches(":popover-open")) menu.showPopover();
  if (menu.pointedAt) {
    const { width } = menu.getBoundingClientRect();
    menu.pointedAt.right = event.clientX + width;
    place(menu, menu.pointedAt);
  }
});
