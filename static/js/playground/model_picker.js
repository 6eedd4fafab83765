// The choice of a language model, and everything on the page that depends on it.

export class ModelPicker extends EventTarget {
  #select;
  #dependents;

  constructor(select) {
    super();
    this.#select = select;
    this.#dependents = document.querySelectorAll("[data-for-model]");
    select.addEventListener("change", () => this.#changed());
  }

  get slug() {
    return this.#select.value;
  }

  set slug(slug) {
    const option = [...this.#select.options].find(({ value }) => value === slug);
    if (!option || option.disabled) return;
    this.#select.value = slug;
    this.#changed();
  }

  get contextLength() {
    return Number(this.#option.dataset.context);
  }

  get canRun() {
    return this.#option && "canRun" in this.#option.dataset;
  }

  get #option() {
    return this.#select.selectedOptions[0];
  }

  #changed() {
    for (const element of this.#dependents)
      element.hidden = element.dataset.forModel !== this.slug;
    this.dispatchEvent(new Event("change"));
  }
}
