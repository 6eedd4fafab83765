// Tells screen readers what is written, a sentence at a time instead of a token.

const SENTENCE = /^[\s\S]*?[.!?…]["'”’)\]]*\s|^[\s\S]*?\n/;

/** The whole sentences at the start of `text`, and what remains of it. */
export function splitSentences(text) {
  const sentences = [];
  let rest = text;
  for (let match; (match = SENTENCE.exec(rest)); rest = rest.slice(match[0].length))
    sentences.push(match[0].trim());
  return { sentences: sentences.filter(Boolean), rest };
}

export class Announcer {
  #region;
  #rest = "";

  constructor(region) {
    this.#region = region;
  }

  /** Text as it streams in. */
  write(text) {
    const { sentences, rest } = splitSentences(this.#rest + text);
    this.#rest = rest;
    for (const sentence of sentences) this.say(sentence);
  }

  /** What is left of the text, then a last word about it. */
  finish(outcome) {
    if (this.#rest.trim()) this.say(this.#rest);
    this.#rest = "";
    this.say(outcome);
  }

  say(text) {
    const line = document.createElement("span");
    line.textContent = `${text} `;
    this.#region.append(line);
    while (this.#region.childElementCount > 8) this.#region.firstElementChild.remove();
  }
}
