"""Ollama's API as far as a client of texts and vectors meets it; shapes and messages as Ollama 0.12 sends them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.doubles.dialect import GARBAGE, Answer, Ask
from daemon.doubles.exchange import Exchange, dumps
from daemon.doubles.service import Service

VERSION = "0.12.6"
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust "
    "the context length in settings, or use a model with a longer context length"
)
_NDJSON = b"application/x-ndjson"
_NS = 1_000_000_000
_SIZE = 9_048_000_000
_LAYERS = (8_988_110_688, 1_500, 487)  # bytes, as a pull tells them
_STEPS_PER_LAYER = 2
_KEEP = timedelta(minutes=5)

_Body = Mapping[str, Any]


class Ollama:
    """Handlers by path; each takes an exchange."""

    media = _NDJSON
    garbage = GARBAGE

    def __init__(self, service: Service) -> None:
        self._service = service
        self.routes = {
            "/": self._root,
            "/api/version": self._version,
            "/api/tags": self._tags,
            "/api/ps": self._ps,
            "/api/show": self._show,
            "/api/chat": self._chat,
            "/api/embed": self._embed,
            "/api/pull": self._pull,
        }

    # --- how answers look (Dialect) ---

    def whole(self, answer: Answer) -> bytes:
        """The one object of ``stream: false``."""
        return dumps(self._final(answer, answer.text))

    def opening(self, answer: Answer) -> bytes:
        """A stream needs none."""
        del answer
        return b""

    def piece(self, answer: Answer, text: str) -> bytes:
        """One line with a piece of the text."""
        message = {"role": "assistant", "content": text}
        return _line({"model": answer.model, "created_at": _now(), "message": message, "done": False})

    def closing(self, answer: Answer, ask: Ask) -> bytes:
        """The last line, without text, with the figures."""
        del ask
        return _line(self._final(answer, ""))

    def error(self, status: int, text: str) -> bytes:
        """An error's body."""
        del status
        return dumps({"error": text})

    def error_midway(self, text: str) -> bytes:
        """An error's line."""
        return _line({"error": text})

    def too_long(self, ask: Ask, count: int) -> bytes:
        """The body for a prompt beyond ``num_ctx`` with ``truncate: false``."""
        del ask, count
        return dumps({"error": TOO_LONG})

    @staticmethod
    def _final(answer: Answer, text: str) -> dict[str, Any]:
        return {
            "model": answer.model,
            "created_at": _now(),
            "message": {"role": "assistant", "content": text},
            "done": True,
            "done_reason": answer.reason,
            "total_duration": int(answer.total_s * _NS),
            "load_duration": int(answer.load_s * _NS),
            "prompt_eval_count": answer.prompt_tokens,
            "prompt_eval_duration": int(answer.reading_s * _NS),
            "eval_count": answer.output_tokens,
            "eval_duration": int((answer.thinking_s - answer.reading_s) * _NS),
        }

    # --- what is asked ---

    async def _chat(self, exchange: Exchange) -> None:
        body = await self._valid(exchange, "chat")
        if body is None:
            return
        name = str(body["model"])
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            error = self.error(400, "json: cannot unmarshal messages into []api.Message")
            await self._service.refuse(exchange, "chat", name, 400, error)
            return
        if body.get("think") is not None and (body["think"] is not False or self._service.setup.rejects_think):
            error = self.error(400, f'"{name}" does not support thinking')
            await self._service.refuse(exchange, "chat", name, 400, error)
            return
        options = body.get("options") or {}
        ask = Ask(
            model=name,
            system="\n".join(_text(message) for message in messages if message.get("role") == "system"),
            user="\n".join(_text(message) for message in messages if message.get("role") != "system"),
            stream=body.get("stream") is not False,
            context=int(options.get("num_ctx") or self._service.setup.context_tokens),
            limit=int(options.get("num_predict") or 0),
            truncate=body.get("truncate") is not False,
            seed=str(options.get("seed", 0)),
            options={key: value for key, value in body.items() if key not in {"model", "messages"}},
        )
        await self._service.chat(exchange, ask, self)

    async def _embed(self, exchange: Exchange) -> None:
        body = await self._valid(exchange, "embed")
        if body is None:
            return
        name, service = str(body["model"]), self._service
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            await service.refuse(exchange, "embed", name, 400, self.error(400, "invalid input type"))
            return

        def whole(answer: Answer) -> bytes:
            return dumps(
                {
                    "model": name,
                    "embeddings": [service.vector(text) for text in texts],
                    "total_duration": int(answer.total_s * _NS),
                    "load_duration": int(answer.load_s * _NS),
                    "prompt_eval_count": answer.prompt_tokens,
                }
            )

        await service.embed(exchange, name, texts, self, whole)

    async def _pull(self, exchange: Exchange) -> None:
        body = await exchange.body()
        name = str((body or {}).get("model") or (body or {}).get("name") or "")
        if not name:
            await exchange.reply(400, self.error(400, "invalid model name"))
            return
        self._service.models[tagged(name)] = None
        if body.get("stream") is False:
            await exchange.reply_json(200, {"status": "success"})
            return
        await exchange.start(200, _NDJSON)
        await exchange.write(_line({"status": "pulling manifest"}))
        for number, total in enumerate(_LAYERS):
            layer = _digest(f"{name} {number}")
            for step in range(_STEPS_PER_LAYER + 1):
                status = {"status": f"pulling {layer[:12]}", "digest": f"sha256:{layer}", "total": total}
                done = {"completed": total * step // _STEPS_PER_LAYER} if step else {}
                await exchange.write(_line({**status, **done}))
        for status_text in ("verifying sha256 digest", "writing manifest", "removing any unused layers"):
            await exchange.write(_line({"status": status_text}))
        await exchange.write(_line({"status": "success"}), more=False)

    async def _show(self, exchange: Exchange) -> None:
        body = await self._valid(exchange, "show")
        if body is None:
            return
        name = tagged(str(body["model"]))
        family = _family(name)
        shown = {
            "modelfile": f"FROM {name}\n",
            "parameters": "",
            "template": "{{ .System }}\n{{ .Prompt }}",
            "details": _details(name),
            "model_info": {
                "general.architecture": family,
                f"{family}.context_length": self._service.setup.context_tokens,
                f"{family}.embedding_length": self._service.setup.dims,
            },
            "capabilities": ["embedding" if "embed" in name or "minilm" in name else "completion"],
            "modified_at": _now(),
        }
        await exchange.reply_json(200, shown)

    async def _tags(self, exchange: Exchange) -> None:
        listed = [{**_entry(name), "modified_at": _now(), "size": _SIZE} for name in map(tagged, self._service.models)]
        await exchange.reply_json(200, {"models": listed})

    async def _ps(self, exchange: Exchange) -> None:
        context = self._service.setup.context_tokens
        until = _stamp(datetime.now(UTC) + _KEEP)
        figures = {"size": _SIZE, "size_vram": _SIZE, "expires_at": until, "context_length": context}
        loaded = [{**_entry(tagged(name)), **figures} for name in self._service.slots.loaded]
        await exchange.reply_json(200, {"models": loaded})

    async def _version(self, exchange: Exchange) -> None:
        await exchange.reply_json(200, {"version": VERSION})

    async def _root(self, exchange: Exchange) -> None:
        await exchange.reply(200, b"Ollama is running", b"text/plain; charset=utf-8")

    async def _valid(self, exchange: Exchange, kind: str) -> _Body | None:
        """The request's object, if it names a model that is there; else the error is sent."""
        body = await exchange.body()
        if not isinstance(body, dict):
            await self._service.refuse(exchange, kind, "", 400, self.error(400, "missing request body"))
            return None
        name = body.get("model")
        if not isinstance(name, str) or not name:
            await self._service.refuse(exchange, kind, "", 400, self.error(400, "model is required"))
            return None
        if tagged(name) not in {tagged(known) for known in self._service.models}:
            await self._service.refuse(exchange, kind, name, 404, self.error(404, f"model '{name}' not found"))
            return None
        return body


def tagged(name: str) -> str:
    """A model's name with its tag, ``latest`` where it has none."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _entry(name: str) -> dict[str, Any]:
    return {"name": name, "model": name, "digest": _digest(name), "details": _details(name)}


def _details(name: str) -> dict[str, Any]:
    family = _family(name)
    return {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": "14.8B",
        "quantization_level": "Q4_K_M",
    }


def _family(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0].partition("-")[0].replace(".", "")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _text(message: _Body) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def _now() -> str:
    return _stamp(datetime.now(UTC))


def _stamp(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
