// The playground: ties the notebook, the parameters and a run together.

import { copy } from "../copy.js";
import { Announcer } from "./announcer.js";
import { Candidates } from "./candidates.js";
import { CodeDialog } from "./code_dialog.js";
import { Draft } from "./draft.js";
import { ErrorBox } from "./error_box.js";
import { ModelPicker } from "./model_picker.js";
import { Notebook } from "./notebook.js";
import { ParameterPanel } from "./parameters.js";
import { predict } from "./prediction.js";
import { Report, failedAfter, stoppedAfter } from "./report.js";
import { linkTo } from "./share.js";
import { TokenCounter } from "./token_counter.js";
import { TokenView } from "./token_view.js";

const form = document.querySelector("#playground");
const find = (selector) => form.querySelector(selector);

const textarea = find("#prompt");
const notebook = new Notebook(textarea, find("[data-tint]"));
const picker = new ModelPicker(find("#model"));
const panel = new ParameterPanel(find("[data-parameters]"));
const report = new Report(find("[data-result]"));
const candidates = new Candidates(find("[data-candidates]"));
const tokenView = new TokenView(find("[data-token-view]"));
const announcer = new Announcer(find("[data-announcer]"));
const counter = new TokenCounter(find("[data-token-count]"), form.dataset.tokensUrl);
const errorBox = new ErrorBox(find("[data-error]"), find("[data-error-template]"));
const codeDialog = new CodeDialog(document.querySelector("[data-code-dialog]"));
const draft = new Draft(form.dataset.account);
// How many other tokens are shown for each place, where somebody asks to see them.
const ALTERNATIVES = 5;
const buttons = {
  run: find("[data-run]"),
  stop: find("[data-stop]"),
  regenerate: find("[data-regenerate]"),
  undo: find("[data-undo]"),
  copy: find("[data-copy-text]"),
  clear: find("[data-clear]"),
};
let controller = null;
// What the run under way, or the last one, continues.
let beginning = null;
let numSequences = 1;

function showState() {
  const isRunning = controller !== null;
  form.dataset.state = isRunning ? "running" : "idle";
  buttons.run.hidden = isRunning;
  buttons.stop.hidden = !isRunning;
  buttons.run.disabled = !picker.canRun;
  buttons.regenerate.disabled = isRunning || !picker.canRun || !notebook.endsWithCompletion;
  buttons.undo.disabled = isRunning || !notebook.canUndo;
  buttons.copy.disabled = !notebook.text;
  buttons.clear.disabled = isRunning || !notebook.text;
  find("[data-run-label]").textContent = notebook.endsWithCompletion ? "Continue" : "Run";
  find("[data-legend]").hidden = !notebook.hasCompletion;
  find("[data-token-offer]").hidden =
    buttons.regenerate.disabled || numSequences > 1 || tokenView.isShown;
  find("[data-note]").textContent =
    !isRunning && notebook.text.endsWith(" ")
      ? "The text ends with a space. Most models go on better without it."
      : "";
}

function keep() {
  draft.write({ ...notebook.snapshot, model: picker.slug, parameters: panel.values });
}

function changed() {
  showState();
  keep();
  if (picker.canRun && notebook.text) counter.ask(() => new FormData(form));
  else {
    counter.cancel();
    counter.clear();
  }
}

const handlers = {
  started(data) {
    handlers.promptTokens = data.prompt_tokens;
    report.started(data);
    if (numSequences > 1) candidates.start(data.sequences);
  },
  text(data) {
    report.text(data);
    if (data.details) tokenView.add(data.index, data.details);
    if (numSequences > 1) return candidates.append(data.index, data.text);
    notebook.append(data.text);
    announcer.write(data.text);
    counter.show(handlers.promptTokens + data.tokens, picker.contextLength);
  },
  finished(data) {
    if (numSequences > 1) candidates.finish(data.index, data);
  },
  completed(data) {
    report.completed(data);
    finish(data.outcome);
  },
};

function finish(outcome) {
  report.end(outcome);
  candidates.end(outcome);
  showTokens(0);
  announcer.finish(outcome);
}

function failed(error) {
  if (error.name === "AbortError") return finish(stoppedAfter(report.tokens));
  errorBox.show(error);
  if (report.tokens) finish(failedAfter(report.tokens));
  else hideResult();
  if (error.param === "inputs") textarea.setAttribute("aria-invalid", "true");
  else panel.point(error);
}

function showTokens(index) {
  tokenView.show(index, { isOneOfSeveral: numSequences > 1 });
}

function hideResult() {
  report.hide();
  tokenView.clear();
  candidates.clear();
}

function begin({ remember }) {
  beginning = notebook.snapshot;
  numSequences = panel.number("num_return_sequences");
  report.start({ isSearch: panel.number("num_beams") > 1 });
  candidates.clear();
  tokenView.clear();
  if (numSequences > 1) notebook.lock();
  else notebook.begin({ remember });
}

async function run({ remember = true } = {}) {
  if (controller || !picker.canRun) return;
  if (!notebook.text) {
    find("[data-note]").textContent = "Write the beginning of a text first.";
    return textarea.focus();
  }
  const body = new FormData(form);
  const wasOnButton = form.contains(document.activeElement) && document.activeElement !== textarea;
  controller = new AbortController();
  counter.cancel();
  errorBox.clear();
  textarea.removeAttribute("aria-invalid");
  begin({ remember });
  showState();
  if (wasOnButton) buttons.stop.focus();
  try {
    const { streamUrl: url, loginUrl } = form.dataset;
    const events = predict({ url, loginUrl, body, signal: controller.signal });
    for await (const { event, data } of events) handlers[event]?.(data);
  } catch (error) {
    failed(error);
  } finally {
    const wasOnStop = document.activeElement === buttons.stop;
    controller = null;
    notebook.end();
    showState();
    if (wasOnStop) buttons.run.focus();
  }
}

function stop() {
  controller?.abort();
}

function regenerate() {
  if (controller || !notebook.endsWithCompletion) return;
  notebook.dropCompletion();
  run({ remember: false });
}

function fillFrom(address) {
  const query = new URL(address, location.href).searchParams;
  const parameters = Object.fromEntries(
    [...query.keys()].map((name) => [name, query.getAll(name).join("\n")]),
  );
  picker.slug = query.get("model");
  panel.fill(parameters);
  notebook.load({ text: query.get("prompt") }, { remember: true });
  errorBox.clear();
  hideResult();
  notebook.focusEnd();
}

function restoreDraft() {
  const query = new URL(location.href).searchParams;
  const kept = draft.read();
  const given = notebook.text;
  if (!query.has("model")) picker.slug = kept.model;
  if (kept.text !== undefined) notebook.load(kept);
  if (query.has("prompt")) notebook.load({ text: given }, { remember: kept.text !== given });
  else if (kept.parameters) panel.fill(kept.parameters);
  // A reload should bring back the draft, not the example that it started from.
  const model = query.get("model");
  history.replaceState(null, "", model ? `?model=${encodeURIComponent(model)}` : location.pathname);
}

/** Who follows it and runs it gets the same text: the seed goes with it. */
function sharedLink() {
  const isShown = notebook.endsWithCompletion && report.isShown && report.isStarted;
  const drawn = isShown ? { seed: report.seed } : {};
  return linkTo(location.href, {
    model: picker.slug,
    text: notebook.beginning,
    parameters: { ...drawn, ...panel.changedValues },
  });
}

async function copyLink(button) {
  const link = sharedLink();
  if (!link) find("[data-note]").textContent = "The text is too long for a link.";
  else if (!(await copy(link, button))) prompt("The link", link);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
buttons.stop.addEventListener("click", stop);
buttons.regenerate.addEventListener("click", regenerate);
buttons.undo.addEventListener("click", () => {
  notebook.undo();
  report.hide();
  tokenView.clear();
  candidates.markUsed(null);
});
buttons.clear.addEventListener("click", () => {
  notebook.load({ text: "" }, { remember: true });
  errorBox.clear();
  hideResult();
  textarea.focus();
});
candidates.addEventListener("use", ({ detail: { text, index } }) => {
  notebook.complete(beginning, text);
  showTokens(index);
});
// The same seed writes the same text, so this only adds what stands behind it.
find("[data-show-tokens]").addEventListener("click", () => {
  panel.set("logprobs", ALTERNATIVES);
  panel.set("seed", report.seed);
  regenerate();
});
find("[data-use-seed]").addEventListener("click", () => panel.set("seed", report.seed));
form.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example || controller) return;
  event.preventDefault();
  fillFrom(example.href);
});
for (const button of form.querySelectorAll("[data-copy-link]")) {
  button.hidden = false;
  button.addEventListener("click", () => copyLink(button));
}
for (const link of form.querySelectorAll("[data-view-code]"))
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const isShown = await codeDialog.open(form.dataset.codeUrl, new FormData(form));
    // The model's page has the programs, too, with an example's prompt.
    if (!isShown) location.assign(link.href);
  });
document.addEventListener("keydown", (event) => {
  // There, Escape closes the dialog and nothing else.
  if (event.target.closest?.("dialog")) return;
  if (event.key === "Escape") stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
addEventListener("pagehide", keep);
notebook.addEventListener("change", changed);
panel.addEventListener("change", keep);
picker.addEventListener("change", changed);

restoreDraft();
for (const name of ["regenerate", "undo", "copy", "clear"]) buttons[name].hidden = false;
find("[data-shortcuts]").hidden = false;
if (navigator.platform.startsWith("Mac")) find("[data-shortcuts] kbd").textContent = "⌘";
changed();
