// What every page does, with or without somebody logged in.
import { runClock } from "./clock.js";
import { startTheme } from "./theme.js";
import { startTwoStep } from "./twostep.js";

startTheme();
startTwoStep();
runClock();
