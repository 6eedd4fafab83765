// Server-sent events from a fetch stream. The parser is pure: text in, events out.

export class SseParser {
  #rest = "";

  /** Events that are complete with this piece of text, as {event, data} objects. */
  push(text) {
    const blocks = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = blocks.pop();
    return blocks.map(parseBlock).filter((event) => event !== null);
  }
}

function parseBlock(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line);
    if (field === "event") event = value;
    if (field === "data") data.push(value ?? "");
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}

export async function* readEvents(stream) {
  const parser = new SseParser();
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
