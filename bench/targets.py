"""What Neuro has to reach, as data."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

from bench.doors import DOORS
from bench.samples import Samples

Measure = Callable[[Samples], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    name: str
    measure: Measure
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "x"

    @property
    def wanted(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        return f"≤ {self.at_most:g} {self.unit}"

    def is_met_by(self, measured: float) -> bool:
        if self.at_least is not None:
            return measured >= self.at_least
        return self.at_most is not None and measured <= self.at_most


def ratio(one: str, other: str) -> Measure:
    return lambda samples: samples.combine(operator.truediv, one, other)


def difference(one: str, other: str) -> Measure:
    return lambda samples: samples.combine(operator.sub, one, other)


def value(name: str) -> Measure:
    return lambda samples: samples.median(name)


def _rate(peer: str, streams: int) -> str:
    return f"{peer}.streams{streams}.tokens_per_second"


TARGETS = (
    *(
        Target(
            name=f"1 stream, {precision}: engine over transformers.generate",
            measure=ratio(
                _rate(f"engine.{precision}", 1), _rate(f"transformers.{precision}", 1)
            ),
            at_least=2.5,
        )
        for precision in ("fp32", "bf16")
    ),
    *(
        Target(
            name=f"1 stream, {precision}: engine over the floor of reading its weights",
            measure=ratio(
                _rate(f"engine.{precision}", 1),
                f"floor.memory.{precision}_tokens_per_second",
            ),
            at_least=0.75,
        )
        for precision in ("fp32", "bf16", "int8")
    ),
    *(
        Target(
            name=f"{streams} streams: the engine's best over OpenVINO's best",
            measure=ratio(_rate("engine.*", streams), _rate("openvino.*", streams)),
            at_least=1.25,
        )
        for streams in (1, 4, 16)
    ),
    Target(
        name="16 HTTP clients: over the engine alone",
        measure=ratio(_rate("http.bf16", 16), _rate("engine.bf16", 16)),
        at_least=0.85,
    ),
    Target(
        name="16 HTTP clients: over a view that calls a pipeline",
        measure=ratio(_rate("http.bf16", 16), "naive.bf16.serial.tokens_per_second"),
        at_least=10,
    ),
    Target(
        name="steady HTTP clients: first token, 95th percentile over unloaded",
        measure=ratio(
            "http.bf16.steady.p95_ttft_ms", "http.bf16.steady.unloaded_ttft_ms"
        ),
        at_most=4,
    ),
    Target(
        name="one token over HTTP: on top of the engine alone",
        measure=difference(
            "http.bf16.one_token.total_ms", "engine.bf16.one_token.total_ms"
        ),
        at_most=8,
        unit="ms",
    ),
    *(
        Target(
            name=f"one token, {door} door: on top of the engine alone",
            measure=difference(
                f"doors.bf16.{door}_one_token.total_ms",
                f"engine.bf16.{door}_one_token.total_ms",
            ),
            at_most=8,
            unit="ms",
        )
        for door in DOORS
    ),
    *(
        Target(
            name=f"16 clients, {door} door: over the engine alone",
            measure=ratio(
                f"doors.bf16.{door}_streams.tokens_per_second",
                f"engine.bf16.{door}_streams.tokens_per_second",
            ),
            at_least=0.85,
        )
        for door in DOORS
    ),
    *(
        Target(
            name=f"a long prompt joins 15 streams, {peer}: longest gap over ordinary",
            measure=ratio(
                f"{peer}.joining.longest_gap_ms", f"{peer}.joining.ordinary_gap_ms"
            ),
            at_most=3,
        )
        for peer in ("engine.fp32", "engine.bf16", "engine.int8", "http.bf16")
    ),
    *(
        Target(
            name=f"a shared prefix, {peer}: second first token over first",
            measure=ratio(
                f"{peer}.prefix.second_ttft_ms", f"{peer}.prefix.first_ttft_ms"
            ),
            at_most=0.2,
        )
        for peer in ("engine.bf16", "http.bf16")
    ),
    Target(
        name="engine process: memory beyond weights and KV cache",
        measure=value("site.bf16.start.engine_overhead_mb"),
        at_most=350,
        unit="MB",
    ),
    Target(
        name="web process: memory",
        measure=value("site.bf16.start.web_mb"),
        at_most=160,
        unit="MB",
    ),
    Target(
        name="start: from nothing to the first answer",
        measure=value("site.bf16.start.seconds"),
        at_most=4,
        unit="s",
    ),
)
