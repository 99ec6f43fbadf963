// The first run. The set-up token travels in the fragment of the address, which no server and no log ever sees; it is
// only POSTed, with the account that it makes.
import { post } from "./control.js";
import { $, attr, icon, make, notice } from "./dom.js";

const form = $("#owner");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  form.token.value = token;
  history.replaceState(null, "", location.pathname); // out of the address bar, out of the history
  form.username.focus();
}

/** Show or remove the error of one field. */
function mark(field, words) {
  const box = field.closest(".field");
  attr(field, "aria-invalid", words ? "true" : null);
  $(".err", box)?.remove();
  if (words) box.append(make("span", { class: "err", id: `${field.id}-err`, role: "alert" }, icon("x"), words));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password, again } = form;
  $("#refused").hidden = true;
  for (const field of [form.token, username, password, again]) mark(field, field.value ? "" : "Needed.");
  if (!again.matches("[aria-invalid]") && again.value !== password.value) mark(again, "Not the same as above.");
  const wrong = $("[aria-invalid]", form);
  if (wrong) return wrong.focus();
  const button = $("button", form);
  attr(button, "aria-busy", "true");
  try {
    await post("welcome/", { token: form.token.value.trim(), username: username.value, password: password.value });
    location.assign("/");
  } catch (refused) {
    const field = { username, password }[refused.field];
    if (field) {
      mark(field, refused.message);
      field.focus();
    } else {
      notice($("#refused"), "fault", refused.message);
    }
    attr(button, "aria-busy", null);
  }
});
