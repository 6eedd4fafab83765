// The parameters panel: number boxes with sliders, what differs from the default, reset.

function isSame(left, right) {
  if (left === right) return true;
  return left !== "" && right !== "" && Number(left) === Number(right);
}

class Parameter {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.parameter;
    this.input = element.querySelector("[name]");
    this.slider = element.querySelector("[data-slider]");
    this.resetButton = element.querySelector("[data-reset]");
    this.problem = element.querySelector("[data-problem]");
    if (this.slider) this.slider.hidden = false;
  }

  get value() {
    return this.input.type === "checkbox" ? String(this.input.checked) : this.input.value;
  }

  set value(value) {
    if (this.input.type === "checkbox") this.input.checked = value === "true";
    else this.input.value = value;
    this.show();
  }

  get isChanged() {
    return !isSame(this.value, this.element.dataset.default);
  }

  reset() {
    this.value = this.element.dataset.default;
    this.input.focus();
  }

  show() {
    if (this.slider && this.value !== "") this.slider.value = this.value;
    this.element.classList.toggle("is-changed", this.isChanged);
    this.resetButton.hidden = !this.isChanged;
    this.input.removeAttribute("aria-invalid");
    this.problem.textContent = "";
  }

  refuse(message) {
    this.input.setAttribute("aria-invalid", "true");
    this.problem.textContent = message;
    this.input.focus();
  }
}

export class ParameterPanel extends EventTarget {
  #parameters;
  #root;

  constructor(root) {
    super();
    this.#root = root;
    this.#parameters = [...root.querySelectorAll("[data-parameter]")].map(
      (element) => new Parameter(element),
    );
    for (const parameter of this.#parameters) this.#listen(parameter);
    root.querySelector("[data-reset-all]").addEventListener("click", () => this.fill({}));
    this.#foldWhereNarrow();
    this.#show();
  }

  /** Every parameter's value, as its field says it. */
  get values() {
    return Object.fromEntries(this.#parameters.map(({ name, value }) => [name, value]));
  }

  /** Those that differ from their defaults. */
  get changedValues() {
    const changed = this.#parameters.filter(({ isChanged }) => isChanged);
    return Object.fromEntries(changed.map(({ name, value }) => [name, value]));
  }

  get(name) {
    return this.#parameters.find((parameter) => parameter.name === name);
  }

  /** Set these and put all others back to their defaults. */
  fill(values) {
    for (const parameter of this.#parameters)
      parameter.value = values[parameter.name] ?? parameter.element.dataset.default;
    this.#changed();
  }

  number(name) {
    return Number(this.get(name).value);
  }

  set(name, value) {
    this.get(name).value = value;
    this.#changed();
  }

  /** Show which parameter an error is about, if it is about one. */
  point({ param, message }) {
    const parameter = this.get(param);
    if (!parameter) return;
    this.#root.open = true;
    const fold = parameter.element.closest("details");
    fold.open = true;
    parameter.refuse(message);
  }

  /** Beside the text it is always open: there is nothing to open it with. */
  #foldWhereNarrow() {
    const narrow = matchMedia("(max-width: 60rem)");
    this.#root.open = !narrow.matches;
    narrow.addEventListener("change", () => {
      this.#root.open = !narrow.matches;
    });
  }

  #listen(parameter) {
    parameter.input.addEventListener("input", () => {
      parameter.show();
      this.#changed();
    });
    parameter.slider?.addEventListener("input", () => {
      parameter.value = parameter.slider.value;
      this.#changed();
    });
    parameter.resetButton.addEventListener("click", () => {
      parameter.reset();
      this.#changed();
    });
  }

  #changed() {
    this.#show();
    this.dispatchEvent(new Event("change"));
  }

  #show() {
    for (const parameter of this.#parameters) parameter.show();
    const count = this.#parameters.filter((parameter) => parameter.isChanged).length;
    const badge = this.#root.querySelector("[data-changed-count]");
    badge.hidden = count === 0;
    badge.textContent = `${count} changed`;
    this.#root.querySelector("[data-reset-all]").hidden = count === 0;
  }
}
