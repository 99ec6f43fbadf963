// Small helpers on the document. Text from devices and people only ever enters through `textContent`.
export const $ = (query, root = document) => root.querySelector(query);
export const $$ = (query, root = document) => [...root.querySelectorAll(query)];

/** The value of a design token. */
export const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Set text only where it changed, so that an unchanged page is not laid out again. */
export function text(element, value) {
  if (element && element.textContent !== value) element.textContent = value;
}

/** Set or remove an attribute only where it changed; `null` and `false` remove it, `true` sets it empty. */
export function attr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else {
    const wanted = value === true ? "" : String(value);
    if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
  }
}

/** Make an element: `make("li", {class: "x"}, child, "text")`; strings become text nodes. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) attr(element, key, value);
  element.append(...children);
  return element;
}

const KEY = Symbol("key");

/** Make the children of `parent` those of `wanted` (`[key, make]`, in this order). One that was there under its key is
    not touched, so that the focus and a two-step button that waits for its second press stay. */
export function keyed(parent, wanted) {
  const keys = new Set(wanted.map(([key]) => key));
  const there = new Map();
  for (const child of [...parent.children]) {
    if (keys.has(child[KEY])) there.set(child[KEY], child);
    else child.remove();
  }
  let next = parent.firstElementChild;
  for (const [key, fresh] of wanted) {
    const child = there.get(key) ?? fresh();
    child[KEY] = key;
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
}

const SVG = "http://www.w3.org/2000/svg";
const sprite = $('meta[name="skycam:icons"]')?.content ?? "";

/** One symbol of the sprite, as decoration. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Shape, colour and word of a `.status`: always all three. `s` is one of ok warn fault busy off stale info. */
export function status(element, s, word) {
  if (element.dataset.s !== s || !element.firstElementChild) {
    element.dataset.s = s;
    element.firstElementChild?.remove();
    element.prepend(icon(`s-${s}`));
  }
  let label = $(".word", element);
  if (!label) element.append((label = make("span", { class: "word" })));
  text(label, word);
}

/** The same for a `.notice`: its shape follows its kind. */
export function notice(element, s, what, more = "") {
  if (element.dataset.s !== s) {
    element.dataset.s = s;
    $(":scope > .i", element).replaceWith(icon(`s-${s}`));
  }
  const [first, second] = $$("p", element);
  text(first, what);
  text(second, more);
  second.hidden = !more;
  element.hidden = false;
}

/** Say it once to a screen reader; an alarm interrupts. What can be seen is the component's own business. */
export function say(words, alarm = false) {
  const region = $(alarm ? "#alarm" : "#say");
  region.textContent = "";
  region.textContent = words;
}
