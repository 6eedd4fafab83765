// The text: one field for prompt and completions, with what the model wrote tinted.

import { afterEdit, pieces } from "./ranges.js";

const NEAR_BOTTOM = 48;
const LONGEST_HISTORY = 50;

export class Notebook extends EventTarget {
  #textarea;
  #tint;
  #ranges = [];
  #history = [];
  #before = "";
  #waiting = "";
  #frame = 0;
  #isWriting = false;

  constructor(textarea, tint) {
    super();
    this.#textarea = textarea;
    this.#tint = tint;
    this.#before = textarea.value;
    textarea.addEventListener("input", () => this.#edited());
    textarea.addEventListener("scroll", () => this.#followScroll());
    this.#draw();
  }

  get text() {
    return this.#textarea.value;
  }

  get canUndo() {
    return this.#history.length > 0;
  }

  get hasCompletion() {
    return this.#ranges.length > 0;
  }

  /** Whether the text ends with what the model wrote in its last run. */
  get endsWithCompletion() {
    return this.#ranges.at(-1)?.[1] === this.text.length;
  }

  /** The text without what the model wrote last, if it ends with that. */
  get beginning() {
    return this.endsWithCompletion ? this.text.slice(0, this.#ranges.at(-1)[0]) : this.text;
  }

  get snapshot() {
    return { text: this.text, ranges: this.#ranges };
  }

  /** Replace the text; `remember` lets undo bring the present one back. */
  load({ text, ranges = [] }, { remember = false } = {}) {
    if (remember && this.text) this.#remember();
    this.#textarea.value = text;
    this.#ranges = ranges;
    this.#changed();
  }

  undo() {
    const earlier = this.#history.pop();
    if (earlier) this.load(earlier);
    this.focusEnd();
  }

  /** Put a completion behind what the text was at a snapshot. */
  complete({ text, ranges }, completion) {
    const end = text.length + completion.length;
    const completed = {
      text: text + completion,
      ranges: [...ranges, [text.length, end]],
    };
    this.load(completed, { remember: true });
    this.#textarea.scrollTop = this.#textarea.scrollHeight;
  }

  /** Keep the text as it is while a run continues it elsewhere; see `end`. */
  lock() {
    this.#textarea.readOnly = true;
  }

  dropCompletion() {
    const start = this.#ranges.at(-1)[0];
    this.load(
      { text: this.text.slice(0, start), ranges: this.#ranges.slice(0, -1) },
      { remember: true },
    );
  }

  /** From here on `append` adds to a new completion, until `end`. */
  begin({ remember }) {
    if (remember) this.#remember();
    this.#ranges = [...this.#ranges, [this.text.length, this.text.length]];
    this.#isWriting = true;
    this.lock();
    this.#textarea.scrollTop = this.#textarea.scrollHeight;
  }

  append(text) {
    this.#waiting += text;
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  end() {
    cancelAnimationFrame(this.#frame);
    if (this.#isWriting) this.#flush();
    this.#isWriting = false;
    this.#textarea.readOnly = false;
    this.#changed();
  }

  focusEnd() {
    this.#textarea.focus();
    this.#textarea.setSelectionRange(this.text.length, this.text.length);
  }

  #flush() {
    this.#frame = 0;
    const field = this.#textarea;
    const isAtBottom =
      field.scrollHeight - field.scrollTop - field.clientHeight < NEAR_BOTTOM;
    const { length } = field.value;
    field.setRangeText(this.#waiting, length, length, "preserve");
    this.#waiting = "";
    const [start] = this.#ranges.at(-1);
    this.#ranges = [...this.#ranges.slice(0, -1), [start, field.value.length]];
    this.#before = field.value;
    this.#draw();
    if (isAtBottom) field.scrollTop = field.scrollHeight;
    this.#followScroll();
  }

  #edited() {
    this.#ranges = afterEdit(this.#ranges, this.#before, this.text);
    this.#changed();
  }

  #changed() {
    this.#ranges = this.#ranges.filter(([start, end]) => start < end);
    this.#before = this.text;
    this.#draw();
    this.#followScroll();
    this.dispatchEvent(new Event("change"));
  }

  #remember() {
    this.#history.push(this.snapshot);
    if (this.#history.length > LONGEST_HISTORY) this.#history.shift();
  }

  #draw() {
    const nodes = pieces(this.#ranges, this.text).map(({ text, isTinted }) => {
      if (!isTinted) return text;
      const mark = document.createElement("mark");
      mark.textContent = text;
      return mark;
    });
    // A last line break takes no room of its own in a block, but it does in a field.
    this.#tint.replaceChildren(...nodes, "\u200b");
  }

  #followScroll() {
    this.#tint.scrollTop = this.#textarea.scrollTop;
  }
}
