// What every page loads.
import "./confirm.js";
import "./copy.js";
import "./menu.js";
import "./tabs.js";
import "./theme.js";
