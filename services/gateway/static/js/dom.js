// What every script of the pages uses: finding elements, setting them up also when they come later, asking the server.

export const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
export const one = (selector, root = document) => root.querySelector(selector);

const setups = [];

function apply({ selector, setup, done }, root) {
  const found = all(selector, root);
  if (root instanceof Element && root.matches(selector)) found.unshift(root);
  for (const element of found) {
    if (done.has(element)) continue;
    done.add(element);
    setup(element);
  }
}

// `setup(element)` once for each element that fits `selector`, now and when `refresh` meets a new one.
export function enhance(selector, setup) {
  const entry = { selector, setup, done: new WeakSet() };
  setups.push(entry);
  apply(entry, document);
}

// Whoever puts new elements into the page says where.
export function refresh(root) {
  for (const entry of setups) apply(entry, root);
}

// An element of our own making, with properties and children.
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export const token = () => one("meta[name=csrf-token]")?.content ?? "";

// Where the server leads: the same page is loaded again, so that it says what it has to say. `accord:go` tells before it happens.
export function go(path) {
  document.dispatchEvent(new CustomEvent("accord:go", { detail: path }));
  const target = new URL(path, location.href);
  if (target.pathname === location.pathname && target.search === location.search) location.reload();
  else location.assign(target);
}

// Ask for a page. Null when the server leads elsewhere (and we are on the way there), else {status, page}.
// Throws TypeError when there is no answer.
export async function ask(url, options = {}) {
  const answer = await fetch(url, { ...options, headers: { "X-Accord-Script": "1", Accept: "text/html", ...options.headers } });
  const elsewhere = answer.headers.get("X-Accord-Go");
  if (elsewhere) {
    go(elsewhere);
    return null;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { status: Number(answer.headers.get("X-Accord-Status") ?? answer.status), page };
}

// What a form would send, as `fetch` takes it. `submitter` is the button that was pressed.
export function sending(form, submitter) {
  const data = new FormData(form, submitter);
  if (form.method === "get") return [`${form.action}?${new URLSearchParams(data)}`.replace(/\?$/, ""), {}];
  const plain = form.enctype !== "multipart/form-data";
  return [form.action, { method: "POST", body: plain ? new URLSearchParams(data) : data }];
}

// Said to screen readers, without moving anybody.
export function say(sentence) {
  let place = one("#said");
  if (!place) {
    place = make("p", { id: "said", className: "unseen", role: "status" });
    document.body.append(place);
  }
  place.textContent = sentence;
}
