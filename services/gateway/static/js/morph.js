// Makes one element equal to another while what is the same stays: the focus, what was typed, menus that are open, the place on the page.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null);

// What belongs to the visit and not to the page: it is never taken from the new version.
const KEPT = new Set(["open", "aria-expanded", "aria-busy", "style", "data-auto", "data-placed"]);

function attributes(from, to) {
  for (const { name, value } of Array.from(to.attributes)) {
    if (!KEPT.has(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of Array.from(from.attributes)) {
    if (!KEPT.has(name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
}

const field = (node) => node.matches("input, textarea, select");

// `from` becomes as `to` says. Returns whether anything changed. Elements marked `data-made` are a script's own and stay.
export function morph(from, to) {
  if (from.isEqualNode(to)) return false;
  attributes(from, to);
  // What somebody has typed or chosen is theirs; among what one may choose from the words change.
  if (from.nodeName === "SELECT") {
    const { value } = from;
    children(from, to);
    from.value = value;
  }
  if (field(from)) return true;
  children(from, to);
  return true;
}

function children(from, to) {
  const old = new Map();
  for (const node of from.childNodes) {
    const key = keyOf(node);
    if (key) old.set(key, node);
  }
  const wantedKeys = new Set(Array.from(to.childNodes, keyOf));
  let at = from.firstChild;
  const skip = () => { while (at?.nodeType === Node.ELEMENT_NODE && at.dataset.made !== undefined) at = at.nextSibling; };
  for (const wanted of Array.from(to.childNodes)) {
    skip();
    const key = keyOf(wanted);
    let mine = key ? old.get(key) : null;
    if (!key && at && !keyOf(at) && at.nodeType === wanted.nodeType && at.nodeName === wanted.nodeName) mine = at;
    if (!mine || mine.nodeName !== wanted.nodeName) {
      from.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    old.delete(key);
    // Rather take away what stands before it than move it: what is moved loses the focus, and a menu that is open closes.
    if (key) {
      while (at && at !== mine && !(keyOf(at) && wantedKeys.has(keyOf(at))) && at.dataset?.made === undefined) {
        const next = at.nextSibling;
        at.remove();
        at = next;
      }
    }
    if (mine === at) at = at.nextSibling;
    else from.insertBefore(mine, at);
    if (mine.nodeType === Node.ELEMENT_NODE) morph(mine, wanted);
    else if (mine.nodeValue !== wanted.nodeValue) mine.nodeValue = wanted.nodeValue;
  }
  while (at) {
    const next = at.nextSibling;
    if (at.nodeType !== Node.ELEMENT_NODE || at.dataset.made === undefined) at.remove();
    at = next;
  }
}
