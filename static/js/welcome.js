// The set-up token travels in the fragment of the address, which no server and no log ever sees; it is only POSTed.
import { $ } from "./dom.js";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  $("[name=token]").value = token;
  history.replaceState(null, "", location.pathname); // out of the address bar, out of the history
  $("[name=username]").focus();
}
