// A kind of sky fills the form with its values: shown at once, and still free to change.
import { $, $$, text } from "../dom.js";
import { addMoment } from "./recipe.js";

const PROFILES = JSON.parse($("#profiles-data").textContent);
const MINE = "[data-of-profile]";

/** Show a profile's values. A field that somebody changed stays; its standard is the profile's from now on. */
export function fill(root) {
  const values = PROFILES[$("#profile").value] ?? { fields: {}, moments: [] };
  const said = [];
  for (const input of $$("[data-path], #stabilise", root)) {
    const path = input.dataset.path ?? input.id;
    input.dataset.standard ??= standard(input);
    const wanted = path in values.fields ? String(values.fields[path]) : input.dataset.standard;
    if (wanted !== input.dataset.standard) said.push(`${name(input)} ${words(input, wanted)}`);
    setStandard(input, wanted);
  }
  for (const row of $$(`#moments ${MINE}`, root)) if (untouched(row)) row.remove();
  for (const moment of values.moments) {
    for (const [part, value] of Object.entries(moment)) if (part !== "at") said.push(column(root, part, value));
    if (!$$("#moments tbody tr", root).length) addMoment(root, moment).dataset.ofProfile = "";
  }
  text($("#profile-values"), said.length ? `Sets ${said.join(", ")}. What you change stands above it.` : "What you change below stands above it");
}

function standard(input) {
  if (input.type === "checkbox") return String(input.defaultChecked);
  if (input.tagName === "SELECT") return ($$("option", input).find((one) => one.defaultSelected) ?? $("option", input)).value;
  return input.defaultValue;
}

function setStandard(input, wanted) {
  if (input.type === "file") return;
  const kept = input.type === "checkbox" ? String(input.checked) : input.value;
  const touched = kept !== standard(input);
  if (input.type === "checkbox") {
    input.defaultChecked = wanted === "true";
    if (!touched) input.checked = input.defaultChecked;
  } else if (input.tagName === "SELECT") {
    for (const option of $$("option", input)) option.defaultSelected = option.value === wanted;
    input.value = touched ? kept : wanted;
  } else {
    input.defaultValue = wanted;
    input.value = touched ? kept : wanted;
  }
}

const untouched = (row) => $$("input", row).every((input) => input.value === input.defaultValue);
const name = (input) => small((input.closest("label") ?? $(`label[for="${input.id}"]`)).textContent.trim());
const small = (text) => text.charAt(0).toLowerCase() + text.slice(1);

function column(root, part, value) {
  const head = $(`#moments [data-part="${CSS.escape(part)}"]`, root);
  return `${small(head.firstChild.textContent.trim())} ${String(value).replace("-", "−")} ${$(".dim", head).textContent}`;
}

function words(input, wanted) {
  if (input.type === "checkbox") return wanted === "true" ? "on" : "off";
  if (input.tagName === "SELECT") return $$("option", input).find((one) => one.value === wanted)?.textContent ?? wanted;
  const unit = $(".u", input.parentElement)?.textContent;
  return unit ? `${wanted} ${unit}` : wanted;
}
