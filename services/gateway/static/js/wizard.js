// The Add Customer wizard: one form, of which one step is shown at a time (OE-02 to OE-06). The address says which, so that the browser's
// back button moves between steps; what was entered is kept in this tab until it is sent or cancelled.
import { confirmed } from "./dialog.js";
import { all, ask, enhance, make, one, refresh, say, token } from "./dom.js";
import { length, tenantOf } from "./forms.js";
import { morph } from "./morph.js";

const TENANT = /^(?!.*xn--)[a-z][a-z0-9-]{0,61}[a-z0-9]$/;
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;
// An offer names no more people than this, as the server sees it.
const MOST_CHOSEN = 200;
const PAGE = "/partnerships/new";

// The browser may refuse to keep anything; the page still holds what was entered.
const read = (store, key) => { try { return store.getItem(key); } catch { return null; } };
const write = (store, key, value) => { try { store.setItem(key, value); } catch { /* no room */ } };

enhance("form[data-wizard]", (form) => {
  const steps = all(".step", form);
  const titles = [...steps.map((step) => step.dataset.title), "Summary"];
  const title = one("#step-title", form);
  const next = one("[data-next]", form);
  const previous = one("[data-previous]", form);
  const leave = one("[data-leave]", form);
  const bar = one(".bar", form);
  const menu = one("#completed", form);
  const body = one(".wizard-body", form);
  const { store, own } = form.dataset;
  const field = (name) => form.elements.namedItem(name);
  const chosen = (name) => all(`input[name=${name}]:checked`, form);
  // One search at a time: that of the step one stands on. A hidden one would only stand in the way of whoever looks for “Search”.
  const searchOf = (step) => {
    const box = one(".search", step);
    return box && { box, place: box.parentElement, before: box.nextSibling };
  };
  const searches = steps.map(searchOf);
  // A page that came back from sending has the address of the form's action: it stands for that of the wizard.
  const answered = location.pathname !== PAGE;
  const query = () => (answered || !location.search ? (form.dataset.again ? `?again=${form.dataset.again}` : "") : location.search);
  let at = -1;
  let sent = false;
  // How far one has come: steps before it have been completed at least once.
  let reached = form.dataset.skip ? 1 : 0;

  // Customers with whom there is a partnership already: what the server says about it, and where it stands.
  const taken = new Map();

  const take = (tenant, page) => {
    const [said, place] = [one("#customer_tenant-error", page), one(".existing", page)];
    if (said && place) taken.set(tenant, { sentence: one("span", said).lastChild.textContent.trim(), place: place.cloneNode(true) });
  };
  take(tenantOf(field("customer_tenant").value), form);

  // — what a step needs: a sentence at a field of it, or nothing —

  const people = (name, nobody) => {
    const number = chosen(name).length;
    if (!number) return { [name]: nobody };
    return number > MOST_CHOSEN ? { [name]: `Choose at most ${MOST_CHOSEN} people.` } : {};
  };
  const rules = {
    "introduction": () => ({}),
    "customer-details": () => {
      const wrong = {};
      const tenant = tenantOf(field("customer_tenant").value);
      if (!tenant) wrong.customer_tenant = "Enter the customer’s tenant name.";
      else if (tenant === own) wrong.customer_tenant = "This is your own business. Name the one you want to work with.";
      else if (taken.has(tenant)) wrong.customer_tenant = taken.get(tenant).sentence;
      else if (!TENANT.test(tenant)) wrong.customer_tenant = "A tenant name has 2 to 63 lower-case letters, digits and hyphens, like kazenor.";
      const email = field("customer_email").value.trim();
      if (!email) wrong.customer_email = "Enter the customer’s login e-mail.";
      else if (!EMAIL.test(email) || length(email) > 254) wrong.customer_email = "Enter an e-mail address like name@example.com.";
      const message = length(field("message").value);
      if (!message) wrong.message = "Write a message to the customer.";
      else if (message > Number(field("message").dataset.limit)) wrong.message = `Use at most ${field("message").dataset.limit} characters.`;
      return wrong;
    },
    "assign-contacts": () => people("contact_ids", "Choose at least one contact."),
    "assign-partner-manager": () => people("manager_ids", "Choose at least one partner manager."),
  };
  const wrongAt = (number) => rules[steps[number].id]();
  const valid = (number) => Object.keys(wrongAt(number)).length === 0;
  // The last step one may stand on: all before it hold.
  const furthest = () => {
    const first = steps.findIndex((_, number) => !valid(number));
    return first < 0 ? steps.length - 1 : first;
  };

  // — what is kept —

  const entries = () => {
    const values = {};
    for (const [name, value] of new FormData(form)) if (name !== "csrf_token") (values[name] ??= []).push(value);
    return values;
  };
  const keep = () => {
    if (sent) return;
    write(sessionStorage, store, JSON.stringify({ start: query(), again: form.dataset.again, reached, at: steps[at]?.id, values: entries() }));
  };
  const forget = () => sessionStorage.removeItem(store);
  // Sent when the session has ended, the form leads to the login, and from there back here.
  const lead = () => {
    try { write(sessionStorage, store, JSON.stringify({ ...JSON.parse(read(sessionStorage, store)), led: true })); } catch { /* nothing is kept */ }
  };

  // Fill in what was kept; says whether that differs from what the server has filled in.
  function restore() {
    const parsed = (key) => { try { return JSON.parse(read(sessionStorage, key)); } catch { return null; /* not ours */ } };
    let found = parsed(store);
    // A draft waits aside while another offer is corrected, and is there again when one begins anew.
    const aside = `${store}.aside`;
    if (found && !found.start && query()) write(sessionStorage, aside, JSON.stringify(found));
    else if (!query() && (!found || (found.start && !found.led))) {
      found = parsed(aside);
      sessionStorage.removeItem(aside);
    }
    // Kept for another beginning: correcting one offer is not writing another. Whoever comes back from the login has lost the beginning.
    if (!found || (found.start !== query() && (query() || !found.led))) return false;
    reached = Math.max(reached, found.reached);
    // Back from the login, which does not know what stands after the # of an address.
    if (found.led && !location.hash) history.replaceState(history.state, "", `#${found.at}`);
    // What has just come back from the server says the same, with what is wrong about it.
    if (answered) return false;
    if (found.again && !form.dataset.again) {
      form.dataset.again = found.again;
      form.append(make("input", { type: "hidden", name: "again", value: found.again }));
    }
    const asked = JSON.stringify({ ...entries(), idempotency_key: 0 });
    for (const name of ["idempotency_key", "customer_tenant", "customer_email", "message"]) field(name).value = found.values[name]?.[0] ?? "";
    for (const name of ["contact_ids", "manager_ids"]) {
      const values = new Set(found.values[name]);
      for (const box of all(`input[name=${name}]:not(:disabled)`, form)) box.checked = values.has(box.value);
    }
    field("message").dispatchEvent(new Event("input"));
    for (const group of all("[data-choice]", form)) group.dispatchEvent(new Event("change"));
    return asked !== JSON.stringify({ ...entries(), idempotency_key: 0 });
  }

  const entered = () => ["customer_tenant", "customer_email", "message"].some((name) => field(name).value.trim()) || chosen("contact_ids").length > 0
    || chosen("manager_ids").length > 1;

  // — showing —

  function sentence(name, text) {
    const input = one(`#${name}`, form);
    const place = input.closest(".field") ?? input;
    one(".field-error", place)?.remove();
    place.classList.toggle("wrong", Boolean(text));
    const described = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== `${name}-error`);
    if (text) described.unshift(`${name}-error`);
    if (described.length) input.setAttribute("aria-describedby", described.join(" "));
    else input.removeAttribute("aria-describedby");
    if (!text) { input.removeAttribute("aria-invalid"); return; }
    const error = make("p", { className: "field-error", id: `${name}-error` }, make("span", { className: "unseen", textContent: "Error: " }), make("span", { textContent: text }));
    if (place === input) one(".bands, .empty", input)?.before(error);
    else {
      input.before(error);
      input.setAttribute("aria-invalid", "true");
    }
  }

  const judge = () => { next.disabled = at < 0 || !valid(at); };

  function completed() {
    const done = steps.map((_, number) => number).filter((number) => number < reached && number !== at && valid(number));
    one("#completed-count", form).textContent = String(done.length);
    // A menu holds what one can choose; a sentence is none.
    if (done.length) menu.setAttribute("role", "menu");
    else menu.removeAttribute("role");
    menu.replaceChildren(...(done.length
      ? done.map((number) => make("button", { type: "button", role: "menuitem", textContent: titles[number], onclick: () => { menu.hidePopover(); move(number); } }))
      : [make("span", { className: "none", textContent: "Nothing completed yet" })]));
  }

  // `how`: push an entry of the browser's history, or replace the one we stand on.
  function show(number, how, focus = true) {
    at = number;
    reached = Math.max(reached, number);
    for (const [index, step] of steps.entries()) {
      step.hidden = index !== number;
      const search = searches[index];
      if (search && index === number) search.place.insertBefore(search.box, search.before);
      else search?.box.remove();
      one(`[data-for="${step.id}"]`, form).hidden = index !== number;
    }
    title.textContent = titles[number];
    document.title = `${titles[number]} · Add Customer · Accord`;
    bar.className = `bar at-${number + 1}`;
    const track = bar.parentElement;
    track.setAttribute("aria-valuenow", String(number + 1));
    track.setAttribute("aria-valuetext", `Step ${number + 1} of ${titles.length}`);
    one("#fraction", form).textContent = `${number + 1}/${titles.length}`;
    previous.hidden = number === 0;
    one(".sends", form).textContent = `Next Step sends the offer to ${tenantOf(field("customer_tenant").value)}.`;
    judge();
    completed();
    keep();
    const address = `${PAGE}${query()}#${steps[number].id}`;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(history.state, "", address);
    if (!focus) return;
    scrollTo(0, 0);
    const fault = one("[aria-invalid=true]", steps[number]) ?? one(".choice > .field-error ~ .bands input:not(:disabled)", steps[number]);
    (fault ?? title).focus({ preventScroll: true });
  }

  const trouble = () => [...all(".content > .summary, .existing", form), ...all(":scope > .meanwhile", form.parentElement)];

  function move(number) {
    for (const told of trouble()) told.remove();
    if (number !== at) show(Math.min(number, furthest()), "push");
  }

  // The step that the address names, as far as one may go; else where one begins.
  function arrive(how, focus) {
    const named = steps.findIndex((step) => `#${step.id}` === location.hash);
    const start = form.dataset.skip ? 1 : 0;
    show(Math.min(named < 0 ? start : named, furthest()), how, focus);
  }

  // — doing —

  form.addEventListener("submit", (event) => {
    if (at === steps.length - 1 && furthest() === at) {
      keep();
      lead();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (valid(at)) move(at + 1);
    else complain();
  }, { capture: true });

  function complain() {
    for (const [name, text] of Object.entries(wrongAt(at))) sentence(name, text);
    one("[aria-invalid=true]", steps[at])?.focus();
  }

  // The second press of a double click meets the next step, on which the same button sends.
  for (const button of [next, previous]) {
    button.addEventListener("click", (event) => {
      if (event.detail > 1) event.preventDefault();
      else if (button === previous) move(at - 1);
    });
  }
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.matches("textarea, a")) return;
    // A key that is held down would run through all steps; in a box it would send the form, which nobody expects there.
    if (event.repeat || event.target.matches("input[type=checkbox]")) event.preventDefault();
    // A browser does not press a button that is disabled, so it is said why it is.
    else if (event.target.matches("input:not([type=search])") && !valid(at)) { event.preventDefault(); complain(); }
  });

  form.addEventListener("input", (event) => {
    const { name } = event.target;
    // Another customer: what leads to the partnership with the one before goes now, and not from under whoever moves on with Tab.
    if (name === "customer_tenant") one(".existing", form)?.remove();
    // What was said of a field holds no more once it is right, or wrong in another way: that is said when one leaves it.
    const said = name && one(`#${name}-error`, form);
    if (said && !said.textContent.endsWith(wrongAt(at)[name] ?? "\n")) sentence(name, "");
    judge();
    keep();
  });
  form.addEventListener("change", (event) => {
    const { name } = event.target;
    if (event.target.matches("[type=checkbox]") && name && one(`#${name}-error`, form) && !wrongAt(at)[name]) sentence(name, "");
    judge();
    completed();
    keep();
  });

  // What is missing is said when one leaves a field, not while one types, and not while a button is being pressed: the sentence would
  // move the button away from under the pointer.
  let pressed = false;
  let waiting = null;
  addEventListener("pointerdown", () => { pressed = true; }, { capture: true });
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => {
      pressed = false;
      setTimeout(() => { waiting?.(); waiting = null; });
    }, { capture: true });
  }
  form.addEventListener("focusout", (event) => {
    const { name } = event.target;
    // Whoever looks something up in another window has not left the field.
    if (steps[at]?.id !== "customer-details" || !name || document.activeElement === event.target) return;
    const number = at;
    const tell = () => {
      const text = wrongAt(number)[name];
      if (at === number && text && document.activeElement !== event.target && !one("dialog[open]")) sentence(name, text);
    };
    if (pressed) waiting = tell;
    else tell();
  });

  // Whether there is a partnership with this customer already is said here, and not three steps later.
  async function known() {
    const tenant = tenantOf(field("customer_tenant").value);
    if (!TENANT.test(tenant) || tenant === own) return;
    if (!taken.has(tenant)) {
      try {
        const found = await ask(`${PAGE}?customer=${encodeURIComponent(tenant)}`);
        if (found?.status === 200) take(tenant, found.page);
      } catch { /* no answer: it is said when the offer is sent */ }
    }
    if (!taken.has(tenant) || tenantOf(field("customer_tenant").value) !== tenant) return;
    const { sentence: said, place } = taken.get(tenant);
    sentence("customer_tenant", said);
    // Whoever has gone on to the next field hears of it.
    say("You have a partnership with this customer already.");
    field("customer_tenant").closest(".field").after(place.cloneNode(true));
    // Whoever stands on a later step of what was kept is led back to what is in the way.
    if (at > furthest()) show(furthest(), "replace");
    else { judge(); completed(); }
  }
  field("customer_tenant").addEventListener("change", known);

  addEventListener("popstate", () => arrive("replace", true));
  addEventListener("hashchange", () => { if (location.hash !== `#${steps[at].id}`) arrive("replace", true); });
  // What stands in the error summary leads to its field, on whichever step that is.
  one(".content > .summary", form)?.addEventListener("click", (event) => {
    const target = event.target.closest("a[href^='#']") && one(event.target.closest("a").hash, form);
    if (!target) return;
    event.preventDefault();
    const number = steps.findIndex((step) => step.contains(target));
    if (number !== at) show(Math.min(number, furthest()), "push", false);
    (target.matches("fieldset") ? one("input", target) : target)?.focus();
  });

  leave.addEventListener("click", async (event) => {
    event.preventDefault();
    if (entered() && !(await confirmed({
      title: "Cancel the wizard?", sentence: "What you have entered will be gone. Nothing has been sent.", yes: "Yes", no: "No", danger: true,
    }))) return;
    sent = true;
    forget();
    location.assign("/");
  });
  leave.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); leave.click(); } });

  one("[data-introduction]", form).addEventListener("change", async ({ target }) => {
    const wanted = target.checked;
    const saved = await fetch(target.dataset.introduction, {
      method: "POST", headers: { "X-CSRF-Token": token() }, body: new URLSearchParams({ show: wanted ? "yes" : "no" }), keepalive: true, redirect: "manual",
    }).then((answer) => answer.ok, () => false);
    if (saved || target.checked !== wanted) return;
    target.checked = !wanted;
    say("This could not be saved. Try again.");
  });

  // The information area: as this browser left it; on a phone it begins closed.
  const toggle = one(".information-toggle", form);
  const collapse = (yes) => {
    body.classList.toggle("collapsed", yes);
    toggle.setAttribute("aria-expanded", String(!yes));
  };
  const wide = matchMedia("(min-width: 60rem)").matches;
  collapse(wide ? read(localStorage, "accord.information") === "closed" : true);
  toggle.addEventListener("click", () => {
    const closed = !body.classList.contains("collapsed");
    collapse(closed);
    if (wide) write(localStorage, "accord.information", closed ? "closed" : "open");
  });

  // Somebody was added to the directory in another tab: the list follows, what was chosen stays.
  let looking = false;
  async function directory() {
    if (looking) return;
    looking = true;
    try {
      const found = await ask(`${PAGE}${query()}`);
      const fresh = found?.status === 200 && one("#contact_ids", found.page);
      const group = one("#contact_ids", form);
      if (!fresh) return;
      if (one(".bands", group) && one(".bands", fresh)) {
        // A box is not taken from the new page when it is here already: it says what was chosen there.
        for (const box of all("input", fresh)) box.checked = false;
        if (!morph(one(".bands", group), one(".bands", fresh))) return;
      } else {
        const step = group.closest(".step");
        const number = steps.indexOf(step);
        group.replaceWith(fresh);
        refresh(step);
        searches[number] = searchOf(step);
        if (number !== at) searches[number]?.box.remove();
      }
      one("#contact_ids", form).dispatchEvent(new Event("change", { bubbles: true }));
      one("#contact_ids [data-search]", form)?.dispatchEvent(new Event("input", { bubbles: true }));
      say("The list of contacts has been updated.");
    } catch { /* no answer: the list stays as it is */ } finally { looking = false; }
  }
  let away = false;
  form.addEventListener("click", (event) => { if (event.target.closest("[data-away]")) away = true; });
  const back = () => { if (away && document.visibilityState === "visible") directory(); };
  addEventListener("focus", back);
  document.addEventListener("visibilitychange", back);
  document.addEventListener("accord:changed", ({ detail }) => { if (["directory", "all"].includes(detail.part)) directory(); });

  const changed = restore();
  if (changed) {
    // It was corrected since: what the server said about it is old.
    for (const told of trouble()) told.remove();
    for (const name of Object.keys(entries())) if (one(`#${name}-error`, form)) sentence(name, "");
    delete form.dataset.wrong;
    // Whoever begins anew, and did not just load the page again, is told whose words these are.
    if (performance.getEntriesByType("navigation")[0]?.type === "navigate" && entered()) {
      form.before(make("p", { className: "meanwhile no-print", role: "status", textContent: "What you had entered is here again. Nothing has been sent. Cancel removes it." }));
    }
  }
  form.classList.add("running");
  if (form.dataset.wrong === undefined) arrive("replace", location.hash !== "");
  else {
    // To the step whose field is at fault; else to the one from which it was sent.
    const fault = steps.findIndex((step) => one("[aria-invalid=true], .field-error", step));
    show(fault < 0 ? furthest() : fault, "replace");
    if (fault < 0) one(".content > .summary", form)?.focus();
  }
  // What was kept may have been said long ago, and what was learnt of the customer then is gone.
  if (changed) known();
  // Once a page is loaded the browser goes to what its address names after the #: past the title, and away from where we may have put the focus.
  const wanted = form.contains(document.activeElement) ? document.activeElement : null;
  if (document.readyState !== "complete") {
    addEventListener("load", () => setTimeout(() => {
      if (document.activeElement !== document.body) return;
      scrollTo(0, 0);
      wanted?.focus({ preventScroll: true });
    }), { once: true });
  }
  // An offer that went out while this page lay in the browser's history is not to be sent again.
  addEventListener("pageshow", (event) => { if (event.persisted && !read(sessionStorage, store)) location.reload(); });
});

// Who is chosen, on top of the list: a row of names, each of which can be taken back without looking for it.
enhance("form[data-wizard] [data-choice]", (group) => {
  const list = one(".bands", group);
  const number = one(".chosen", group);
  if (!list || !number) return;
  const names = make("ul", { className: "picked-names", ariaLabel: "Chosen" });
  number.classList.remove("hint");
  list.before(make("div", { className: "picked" }, number, names));
  const tell = () => {
    names.hidden = true;
    names.replaceChildren(...all("input:checked:not(:disabled)", list).map((box) => {
      const button = make("button", { type: "button", className: "chip" },
        make("span", { className: "unseen", textContent: "Remove " }), make("span", { className: "chip-name", textContent: one("b", box.closest(".band")).textContent }), make("span", { className: "cross", ariaHidden: "true", textContent: "×" }));
      button.addEventListener("click", () => {
        const index = all(".chip", names).indexOf(button);
        box.checked = false;
        box.dispatchEvent(new Event("change", { bubbles: true }));
        const left = all(".chip", names);
        (left[Math.min(index, left.length - 1)] ?? box).focus();
      });
      return make("li", {}, button);
    }));
    names.hidden = !names.childElementCount;
  };
  group.addEventListener("change", tell);
  tell();
});
