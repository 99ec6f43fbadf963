// Sessions: the list comes with the page; only the connection is live. On a phone the filters wait behind their names.
import { connect } from "./connection.js";
import { $$ } from "./dom.js";

connect();
if (innerWidth < 640) for (const part of $$("[data-narrow]")) part.open = false;
