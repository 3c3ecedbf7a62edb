"""``python -m daemon.doubles``: a model server without a model, for a first look and for benchmarks."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.doubles.faults import Fault
from daemon.doubles.server import Double
from daemon.doubles.setup import DEFAULT_MODELS, Setup

_MS = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit code is 0, or 1 when the port is taken."""
    parser = _parser()
    try:
        setup, script = _setup(parser.parse_args(arguments))
    except ValueError as error:
        parser.error(str(error))
    return asyncio.run(_serve(setup, script))


async def _serve(setup: Setup, script: Sequence[str | None]) -> int:
    double = Double(setup)
    try:
        await double.start()
    except OSError as error:
        sys.stderr.write(f"{setup.host}:{setup.port}: {error.strerror}\n")
        return 1
    double.script(*script)
    sys.stdout.write(f"{double.url}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await double.stop()
    return 0


def _setup(given: argparse.Namespace) -> tuple[Setup, list[str | None]]:
    """Raises ValueError for a fault that there is not."""
    faults: dict[str, float] = {}
    for text in given.fault:
        kind, _, share = text.partition("=")
        faults[Fault(kind)] = float(share or 1)
    script = [None if kind == "ok" else str(Fault(kind)) for kind in given.script.split(",") if kind]
    setup = Setup(
        protocol=given.protocol,
        host=given.host,
        port=given.port,
        models=tuple(given.model or DEFAULT_MODELS),
        dims=given.dims,
        context_tokens=given.context,
        slots=given.slots,
        queue=given.queue,
        latency_s=given.latency_ms / _MS,
        jitter=given.jitter,
        pieces=given.pieces,
        load_s=given.load_s,
        loaded_models=given.loaded_models,
        usage=not given.no_usage,
        rejects_think=given.rejects_think,
        key=given.key,
        seed=given.seed,
        faults=faults,
        drip_s=given.drip_s,
        retry_after_s=given.retry_after_s,
        ledger=given.ledger,
        prompts=given.prompts,
    )
    return setup, script


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m daemon.doubles",
        description="Speaks the protocol of Ollama or OpenAI and answers with well-formed, invented documentation "
        "in the asked language. Prints its URL, then serves until it is interrupted.",
        epilog="While it runs: GET /_double/ledger, GET /_double/stats, POST /_double/faults, POST /_double/reset.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    place = parser.add_argument_group("place")
    place.add_argument("--protocol", choices=("ollama", "openai"), default="ollama")
    place.add_argument("--host", default="127.0.0.1", help="address to listen on; only this machine by default")
    place.add_argument("--port", type=int, default=11434, help="0 picks a free one")
    place.add_argument("--key", help="demand this bearer token (protocol openai)")

    models = parser.add_argument_group("models")
    models.add_argument("--model", action="append", metavar="NAME", help="a model it has; may be repeated")
    models.add_argument("--context", type=int, default=8192, help="context in tokens where the request names none")
    models.add_argument("--dims", type=int, default=384, help="length of the vectors")
    models.add_argument("--load-s", type=float, default=0.0, help="seconds to load a model")
    models.add_argument("--loaded-models", type=int, default=3, help="models in memory at once")
    models.add_argument("--rejects-think", action="store_true", help="refuse `think` (protocol ollama)")
    models.add_argument("--no-usage", action="store_true", help="tell no token counts (protocol openai)")

    pace = parser.add_argument_group("pace")
    pace.add_argument("--slots", type=int, default=4, help="requests worked on at once")
    pace.add_argument("--queue", type=int, default=512, help="requests that may wait; more get 503")
    pace.add_argument("--latency-ms", type=float, default=0.0, help="time of an answer")
    pace.add_argument("--jitter", type=float, default=0.0, help="share by which the latency varies to both sides")
    pace.add_argument("--pieces", type=int, default=8, help="pieces of a streamed answer")

    faults = parser.add_argument_group("faults", f"KIND is one of: {', '.join(Fault)}")
    faults.add_argument("--fault", action="append", default=[], metavar="KIND=SHARE", help="may be repeated")
    faults.add_argument("--script", default="", metavar="KIND,…", help="fate of the first calls; ok: goes well")
    faults.add_argument("--seed", type=int, default=0, help="another seed, other victims")
    faults.add_argument("--drip-s", type=float, default=1.0, help="seconds between the pieces of a slow answer")
    faults.add_argument("--retry-after-s", type=int, default=1, help="what 429 says")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append one JSON line per call")
    parser.add_argument("--prompts", action="store_true", help="write down what was asked, word for word")
    return parser


if __name__ == "__main__":
    sys.exit(main())
