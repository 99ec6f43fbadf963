// Light, dark, night, and the dimmer below the screen's lowest setting. The choice is this browser's own.
import { $, $$, css } from "./dom.js";

const THEMES = ["light", "dark", "night"];

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing still shows the theme until it is closed.
  }
}

export function setTheme(name) {
  if (!THEMES.includes(name)) return;
  const root = document.documentElement;
  root.classList.add("switching");
  root.dataset.theme = name;
  for (const choice of $$("[name=theme]")) choice.checked = choice.value === name;
  for (const element of $$("[data-night-only]")) element.hidden = name !== "night";
  let meta = $("meta[name=theme-color]");
  if (!meta) document.head.append((meta = Object.assign(document.createElement("meta"), { name: "theme-color" })));
  meta.content = css("--surface");
  requestAnimationFrame(() => requestAnimationFrame(() => root.classList.remove("switching")));
  dispatchEvent(new CustomEvent("skycam:theme"));
}

function setDim(range) {
  document.documentElement.style.setProperty("--dim", range.value);
  range.style.setProperty("--fill", `${((range.value - range.min) / (range.max - range.min)) * 100}%`);
}

export function startTheme() {
  setTheme(document.documentElement.dataset.theme);
  for (const choice of $$("[name=theme]")) {
    choice.addEventListener("change", () => {
      setTheme(choice.value);
      keep("skycam.theme", choice.value);
    });
  }
  const range = $("#dim");
  range.value = css("--dim") || 1;
  setDim(range);
  range.addEventListener("input", () => {
    setDim(range);
    keep("skycam.dim", range.value);
  });
}
