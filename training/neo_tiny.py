"""Train, measure and export Neo-Tiny: ``python -m training.neo_tiny --help``.

Everything of a run lies in one work folder (``--work``): tokenizer, token streams,
the newest checkpoint. ``train`` goes on from that checkpoint, so a run may be stopped
at any time, and its length may be changed until its decay has begun.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from training.batches import Batches
from training.evaluation import held_out_loss, summed_nats
from training.export import export_checkpoint, load_exported
from training.model import GPTNeo, ModelConfig
from training.optimizers import PeakRates
from training.prepare import load_stream, prepare
from training.sampling import sample_text
from training.schedule import Schedule
from training.trainer import Trainer

logger = logging.getLogger("training.neo_tiny")

CONFIG = ModelConfig()
CHECKPOINT = "checkpoint.pt"
QUICK_CHECK_TOKENS = 40_000
EXPORTED = (
    Path(__file__).parents[1] / "models_app" / "catalogue" / "neo-tiny" / "checkpoint"
)
TRAIN_NUMBERS: dict[str, int | float] = {
    "steps": 3900,
    "warmup_steps": 100,
    "decay_steps": 1200,
    "long_steps": 400,
    "batch_tokens": 12288,
    "muon_rate": PeakRates().muon,
    "adamw_rate": PeakRates().adamw,
    "log_every": 20,
    "save_every": 100,
    "check_every": 250,
}


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    command: Callable[[argparse.Namespace], None] = options.command
    command(options)


def train(options: argparse.Namespace) -> None:
    """Prepare the data if need be, then train or go on training."""
    torch.set_num_threads(options.threads)
    prepare(options.corpus, options.work, vocab_size=CONFIG.vocab_size)
    trainer = build_trainer(options)
    checkpoint = options.work / CHECKPOINT
    if checkpoint.exists():
        trainer.load(checkpoint)
        logger.info("going on from step %d", trainer.progress.step)
    with stop_signals() as stopped:
        trainer.run(until=options.steps, after_step=_watcher(options, stopped))
    trainer.save(checkpoint)
    logger.info("saved at step %d", trainer.progress.step)


def build_trainer(options: argparse.Namespace) -> Trainer:
    torch.manual_seed(options.seed)
    batches = Batches(
        load_stream(options.work, "train").token_ids,
        batch_tokens=options.batch_tokens,
        max_positions=CONFIG.max_position_embeddings,
        seed=options.seed,
    )
    schedule = Schedule(
        steps=options.steps,
        warmup_steps=options.warmup_steps,
        decay_steps=options.decay_steps,
        long_steps=options.long_steps,
        short_length=CONFIG.window_size,
        long_length=CONFIG.max_position_embeddings,
    )
    rates = PeakRates(muon=options.muon_rate, adamw=options.adamw_rate)
    return Trainer(GPTNeo(CONFIG), batches, schedule, rates)


def export(options: argparse.Namespace) -> None:
    """Write the work folder's checkpoint in the layout transformers reads."""
    state = torch.load(options.work / CHECKPOINT, weights_only=True)
    model = GPTNeo(CONFIG)
    model.load_state_dict(state["model"])
    export_checkpoint(model, options.work / "tokenizer.json", options.to)
    logger.info("step %d exported", state["progress"]["step"])


def evaluate(options: argparse.Namespace) -> None:
    """Measure exported weights on the held-out text."""
    torch.set_num_threads(options.threads)
    model, _ = load_exported(options.checkpoint)
    for name in ("tails", "unseen"):
        text = load_stream(options.work, name)
        loss = held_out_loss(model, text, length=options.length)
        sys.stdout.write(f"{name}: {loss}\n")


def sample(options: argparse.Namespace) -> None:
    """Continue a prompt with exported weights."""
    model, tokenizer = load_exported(options.checkpoint)
    text = sample_text(
        model,
        tokenizer,
        options.prompt,
        max_new_tokens=options.max_new_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        seed=options.seed,
    )
    sys.stdout.write(options.prompt + text + "\n")


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT, so that a step in progress can end in order."""
    received: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = [
        signal.signal(number, lambda got, _: received.append(got)) for number in numbers
    ]
    try:
        yield received
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


def _watcher(
    options: argparse.Namespace, stopped: list[int]
) -> Callable[[Trainer], bool]:
    """Log, save and measure now and then; end the run once a signal has come."""
    stream = load_stream(options.work, "tails").token_ids[:QUICK_CHECK_TOKENS]

    def after_step(trainer: Trainer) -> bool:
        step = trainer.progress.step
        if step % options.log_every == 0:
            _log_progress(trainer)
        if step % options.save_every == 0:
            trainer.save(options.work / CHECKPOINT)
        if step % options.check_every == 0:
            nats, tokens = summed_nats(trainer.model, stream, length=CONFIG.window_size)
            logger.info("step %d held out %.4f", step, nats / tokens)
        return not stopped

    return after_step


def _log_progress(trainer: Trainer) -> None:
    progress = trainer.progress
    recent = progress.recent_losses[-20:]
    logger.info(
        "step %d tokens %d loss %.4f rate %.3f, %.0f tokens/s on average",
        progress.step,
        progress.tokens,
        sum(recent) / len(recent),
        trainer.schedule.learning_rate_share(progress.step),
        progress.tokens / progress.seconds,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.neo_tiny")
    commands = parser.add_subparsers(required=True)
    _add_train(commands.add_parser("train", help="train, or go on training"))
    _add_others(commands)
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=train)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    for name, default in TRAIN_NUMBERS.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=type(default), default=default)


def _add_others(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="write the files transformers reads")
    parser.set_defaults(command=export)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=EXPORTED)

    parser = commands.add_parser("evaluate", help="measure held-out loss")
    parser.set_defaults(command=evaluate)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, default=EXPORTED)
    parser.add_argument("--length", type=int, default=CONFIG.max_position_embeddings)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)

    parser = commands.add_parser("sample", help="continue a prompt")
    parser.set_defaults(command=sample)
    parser.add_argument("prompt")
    parser.add_argument("--checkpoint", type=Path, default=EXPORTED)
    parser.add_argument("--max-new-tokens", type=int, default=80)
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)


if __name__ == "__main__":
    main()
