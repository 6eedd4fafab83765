import assert from "node:assert/strict";
import { test } from "node:test";

import { splitSentences } from "../../../static/js/playground/announcer.js";
import { linkTo } from "../../../static/js/playground/share.js";
import { afterEdit, pieces } from "../../../static/js/playground/ranges.js";
import { rows, surprise, visible } from "../../../static/js/playground/token_view.js";
import { SseParser } from "../../../static/js/playground/sse.js";

const STREAM =
  'id: 1\nevent: started\ndata: {"seed": 7}\n\n: a comment\n\n' +
  'event: text\r\ndata: {"text": "caf\u00e9\\n"}\r\n\r\ndata: "bare"\n\n';

test("it reads the same events wherever the stream is cut", () => {
  const whole = new SseParser().push(STREAM);
  assert.deepEqual(whole, [
    { event: "started", data: { seed: 7 } },
    { event: "text", data: { text: "café\n" } },
    { event: "message", data: "bare" },
  ]);
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const parser = new SseParser();
    const events = [
      ...parser.push(STREAM.slice(0, cut)),
      ...parser.push(STREAM.slice(cut)),
    ];
    assert.deepEqual(events, whole, `cut at ${cut}`);
  }
});

test("it keeps an event back until it is complete", () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push('data: "a"\n'), []);
  assert.deepEqual(parser.push("\n"), [{ event: "message", data: "a" }]);
});

test("a link brings everything back, unless it would be too long", () => {
  const page = "https://neuro.example/playground/?model=old#top";
  const text = "She said: 'it’s 5 % & more?'\n";
  const parameters = { seed: "7", stop: "a\nb" };
  const link = new URL(linkTo(page, { model: "neo-tiny", text, parameters }));

  assert.equal(link.origin + link.pathname + link.hash, "https://neuro.example/playground/");
  const given = Object.fromEntries(link.searchParams);
  assert.deepEqual(given, { model: "neo-tiny", prompt: text, ...parameters });
  assert.equal(linkTo(page, { model: "m", text: "a".repeat(4000), parameters }), "");
});

test("it moves what the model wrote along with an edit before it", () => {
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "Do say hello"), [[7, 12]]);
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "hello"), [[0, 5]]);
});

test("it leaves what is typed inside or after a completion to its writer", () => {
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "Say heXllo"), [
    [4, 6],
    [7, 10],
  ]);
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "Say hello!"), [[4, 9]]);
});

test("it forgets what was deleted", () => {
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "Say "), []);
  assert.deepEqual(afterEdit([[4, 9]], "Say hello", "Say hlo"), [
    [4, 5],
    [5, 7],
  ]);
  assert.deepEqual(afterEdit([[0, 3], [3, 6]], "abcdef", ""), []);
});

test("it cuts the text where its writer changes", () => {
  assert.deepEqual(pieces([[2, 4]], "abcdef"), [
    { text: "ab", isTinted: false },
    { text: "cd", isTinted: true },
    { text: "ef", isTinted: false },
  ]);
  assert.deepEqual(pieces([], ""), []);
});

test("it announces whole sentences and holds the rest back", () => {
  assert.deepEqual(splitSentences('He left. "Why?" she asked. And'), {
    sentences: ["He left.", '"Why?"', "she asked."],
    rest: "And",
  });
  assert.deepEqual(splitSentences("one\n\ntwo"), { sentences: ["one"], rest: "two" });
  assert.deepEqual(splitSentences("3.14 is"), { sentences: [], rest: "3.14 is" });
});

test("it lists a token among its alternatives once", () => {
  const alternatives = [
    [" a", -0.5],
    [" b", -1.5],
  ];
  assert.deepEqual(rows({ text: " a", logprob: -0.5, alternatives }), [
    { text: " a", logprob: -0.5, isChosen: true },
    { text: " b", logprob: -1.5 },
  ]);
  assert.deepEqual(rows({ text: " z", logprob: -9, alternatives: [] }), [
    { text: " z", logprob: -9, isChosen: true },
  ]);
});

test("it is the more surprised the less likely a token was", () => {
  assert.equal(surprise(0), 0);
  assert.ok(surprise(Math.log(0.5)) < surprise(Math.log(0.1)));
  assert.equal(surprise(-50), 1);
});

test("it lets spaces and line breaks be seen", () => {
  assert.equal(visible(" a\n\t"), "␣a↵⇥");
  assert.equal(visible(""), "∅");
});
