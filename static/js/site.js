// What every page loads.
import "./copy.js";
import "./menu.js";
import "./tabs.js";
import "./theme.js";
