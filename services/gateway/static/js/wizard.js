// The Add Customer wizard: one form, of which one step is shown at a time (OE-02 to OE-06). The address says which, so that the browser's
// back button moves between steps; what was entered is kept in this tab until it is sent or cancelled.
import { confirmed } from "./dialog.js";
import { all, enhance, make, one } from "./dom.js";
import { length, tenantOf } from "./forms.js";
import { follow } from "./live.js";

const TENANT = /^[a-z](?:[a-z0-9-]*[a-z0-9])$/;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

enhance("form[data-wizard]", (form) => {
  const steps = all(".step", form);
  const titles = [...steps.map((step) => step.dataset.title), "Summary"];
  const title = one("#step-title", form);
  const next = one("[data-next]", form);
  const previous = one("[data-previous]", form);
  const bar = one(".bar", form);
  const menu = one("#completed", form);
  const body = one(".wizard-body", form);
  const field = (name) => form.elements.namedItem(name);
  const chosen = (name) => all(`input[name=${name}]:checked`, form);
  // One search at a time: that of the step one stands on. A hidden one would only stand in the way of whoever looks for “Search”.
  const searches = steps.map((step) => one(".search", step)).map((box) => box && { box, place: box.parentElement, before: box.nextSibling });
  let at = -1;
  let sent = false;
  // How far one has come: steps before it have been completed at least once.
  let reached = form.dataset.skip ? 1 : 0;

  // — what a step needs: a sentence at a field of it, or nothing —

  const rules = {
    "introduction": () => ({}),
    "customer-details": () => {
      const wrong = {};
      const tenant = tenantOf(field("customer_tenant").value);
      if (!tenant) wrong.customer_tenant = "Enter the customer’s tenant name.";
      else if (tenant === form.dataset.own) wrong.customer_tenant = "This is your own business.";
      else if (!TENANT.test(tenant) || tenant.length > 63) wrong.customer_tenant = "A tenant name has 2 to 63 lower-case letters, digits and hyphens, like kazenor.";
      const email = field("customer_email").value.trim();
      if (!email) wrong.customer_email = "Enter the customer’s login e-mail.";
      else if (!EMAIL.test(email)) wrong.customer_email = "Enter an e-mail address, like nils@northwind.example.";
      const message = length(field("message").value);
      if (!message) wrong.message = "Write a message to the customer.";
      else if (message > Number(field("message").dataset.limit)) wrong.message = `Use at most ${field("message").dataset.limit} characters.`;
      return wrong;
    },
    "assign-contacts": () => (chosen("contact_ids").length ? {} : { contact_ids: "Choose at least one contact." }),
    "assign-partner-manager": () => ({}),
  };
  const wrongAt = (number) => rules[steps[number].id]();
  const valid = (number) => Object.keys(wrongAt(number)).length === 0;
  // The last step one may stand on: all before it hold.
  const furthest = () => {
    const first = steps.findIndex((_, number) => !valid(number));
    return first < 0 ? steps.length - 1 : first;
  };

  // — what is kept —

  const kept = () => {
    try { return JSON.parse(sessionStorage.getItem(form.dataset.store)); } catch { return null; }
  };
  const keep = () => {
    if (sent) return;
    const values = {};
    for (const [name, value] of new FormData(form)) if (name !== "csrf_token") (values[name] ??= []).push(value);
    try { sessionStorage.setItem(form.dataset.store, JSON.stringify({ again: form.dataset.again, reached, values })); } catch { /* no room: the page still holds it */ }
  };
  const forget = () => sessionStorage.removeItem(form.dataset.store);
  const restore = () => {
    const found = kept();
    if (!found || found.again !== form.dataset.again) return;
    reached = Math.max(reached, found.reached);
    // What has just come back from the server says the same, with what is wrong about it.
    if (form.dataset.wrong !== undefined && !form.dataset.again) return;
    for (const [name, values] of Object.entries(found.values)) {
      const boxes = all(`input[type=checkbox][name="${name}"]`, form);
      if (boxes.length) for (const box of boxes) { if (!box.disabled) box.checked = values.includes(box.value); } else if (field(name)) field(name).value = values[0];
    }
    for (const area of all("textarea, [data-choice]", form)) area.dispatchEvent(new Event(area.matches("textarea") ? "input" : "change"));
  };
  const entered = () => ["customer_tenant", "customer_email", "message"].some((name) => field(name).value.trim()) || chosen("contact_ids").length > 0
    || chosen("manager_ids").length > 1;

  // — showing —

  function sentence(name, text) {
    const input = one(`#${name}`, form);
    const place = input.closest(".field") ?? input;
    one(".field-error", place)?.remove();
    place.classList.toggle("wrong", Boolean(text));
    if (!text) { input.removeAttribute("aria-invalid"); return; }
    const error = make("p", { className: "field-error", id: `${name}-error` }, make("span", { className: "unseen", textContent: "Error: " }), make("span", { textContent: text }));
    if (place === input) one(".bands", input)?.before(error); else input.before(error);
    input.setAttribute("aria-invalid", "true");
    const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    input.setAttribute("aria-describedby", [error.id, ...[...described].filter((id) => id !== error.id)].join(" "));
  }

  const judge = () => { next.disabled = at < 0 || !valid(at); };

  function completed() {
    const done = steps.map((_, number) => number).filter((number) => number < reached && number !== at && valid(number));
    one("#completed-count", form).textContent = String(done.length);
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
    track.setAttribute("aria-valuetext", `Step ${number + 1} of 5`);
    one("#fraction", form).textContent = `${number + 1}/5`;
    previous.hidden = number === 0;
    one(".sends", form).textContent = `Next Step sends the offer to ${tenantOf(field("customer_tenant").value)}.`;
    judge();
    completed();
    keep();
    const address = `${location.pathname}${location.search}#${steps[number].id}`;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(history.state, "", address);
    if (!focus) return;
    scrollTo(0, 0);
    (one("[aria-invalid=true]", steps[number]) ?? (number === 1 ? field("customer_tenant") : title)).focus({ preventScroll: true });
  }

  function move(number) {
    one(".content > .summary", form)?.remove();
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
    if (at < steps.length - 1) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (valid(at)) move(at + 1);
      else for (const [name, text] of Object.entries(wrongAt(at))) sentence(name, text);
    } else keep();
  }, { capture: true });
  previous.addEventListener("click", () => move(at - 1));
  form.addEventListener("input", (event) => {
    const name = event.target.name;
    if (name && event.target.getAttribute("aria-invalid") && !wrongAt(at)[name]) sentence(name, "");
    judge();
    keep();
  });
  form.addEventListener("change", (event) => {
    const name = event.target.name;
    if (event.target.matches("[type=checkbox]") && name && !wrongAt(at)[name]) sentence(name, "");
    judge();
    completed();
    keep();
  });
  // What is missing is said when one leaves a field, not while one types.
  form.addEventListener("focusout", (event) => {
    if (steps[at]?.id !== "customer-details" || !event.target.name || event.target.value.trim() === "") return;
    const wrong = wrongAt(at)[event.target.name];
    if (wrong) sentence(event.target.name, wrong);
  });
  addEventListener("popstate", () => arrive("replace", true));
  addEventListener("hashchange", () => { if (location.hash !== `#${steps[at].id}`) arrive("replace", true); });

  one("[data-leave]", form).addEventListener("click", async (event) => {
    event.preventDefault();
    if (entered() && !(await confirmed({
      title: "Cancel the wizard?", sentence: "What you have entered will be gone. Nothing has been sent.", yes: "Yes", no: "No", danger: true,
    }))) return;
    sent = true;
    forget();
    location.assign("/");
  });
  one("[data-leave]", form).addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); event.target.click(); } });

  one("[data-introduction]", form).addEventListener("change", (event) => {
    const body = new URLSearchParams({ csrf_token: field("csrf_token").value, show: event.target.checked ? "yes" : "no" });
    fetch(event.target.dataset.introduction, { method: "POST", body, keepalive: true }).catch(() => {});
  });

  // The information area: as this browser left it; on a phone it begins closed.
  const toggle = one(".information-toggle", form);
  const collapse = (yes) => {
    body.classList.toggle("collapsed", yes);
    toggle.setAttribute("aria-expanded", String(!yes));
  };
  const wide = matchMedia("(min-width: 60rem)").matches;
  collapse(wide ? localStorage.getItem("accord.information") === "closed" : true);
  toggle.addEventListener("click", () => {
    const closed = !body.classList.contains("collapsed");
    collapse(closed);
    if (wide) localStorage.setItem("accord.information", closed ? "closed" : "open");
  });

  one("[data-reload]", form)?.addEventListener("click", (event) => { event.preventDefault(); keep(); location.reload(); });

  form.classList.add("running");
  restore();
  const fault = steps.findIndex((step) => one("[aria-invalid=true], .field-error", step));
  if (fault >= 0 && form.dataset.wrong !== undefined) {
    reached = Math.max(reached, furthest());
    show(fault, "replace");
  } else arrive("replace", location.hash !== "");
  // The page is a form: what changes elsewhere does not touch it.
  follow({});
});
