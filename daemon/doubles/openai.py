"""OpenAI's API as far as a client of texts and vectors meets it; shapes as vLLM and llama-server send them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from daemon.doubles.dialect import GARBAGE, Answer, Ask
from daemon.doubles.exchange import Exchange, dumps
from daemon.doubles.service import Service

_EVENTS = b"text/event-stream; charset=utf-8"
_TYPES = {401: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error", 503: "overloaded_error"}
_SERVER_ERROR = 500

_Body = Mapping[str, Any]


class OpenAI:
    """Handlers by path; each takes an exchange."""

    media = _EVENTS
    garbage = b"data: " + GARBAGE + b"\n"

    def __init__(self, service: Service) -> None:
        self._service = service
        self.routes = {
            "/v1/models": self._models,
            "/v1/chat/completions": self._chat,
            "/v1/embeddings": self._embeddings,
        }

    # --- how answers look (Dialect) ---

    def whole(self, answer: Answer) -> bytes:
        """The one object of ``stream: false``."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": answer.text},
            "logprobs": None,
            "finish_reason": answer.reason,
        }
        usage = {"usage": _usage(answer)} if self._service.setup.usage else {}
        return dumps({**self._head(answer, "chat.completion"), "choices": [choice], **usage})

    def opening(self, answer: Answer) -> bytes:
        """The first event, which says who speaks."""
        return self._event(answer, {"role": "assistant", "content": ""}, None)

    def piece(self, answer: Answer, text: str) -> bytes:
        """One event with a piece of the text."""
        return self._event(answer, {"content": text}, None)

    def closing(self, answer: Answer, ask: Ask) -> bytes:
        """The reason, the usage if it was asked for, the end."""
        end = self._event(answer, {}, answer.reason)
        if self._service.setup.usage and (ask.options.get("stream_options") or {}).get("include_usage"):
            usage = {**self._head(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)}
            end += _event(usage)
        return end + b"data: [DONE]\n\n"

    def error(self, status: int, text: str) -> bytes:
        """An error's body."""
        return dumps(_error(status, text, None))

    def error_midway(self, text: str) -> bytes:
        """An error's event."""
        return _event(_error(_SERVER_ERROR, text, None))

    def too_long(self, ask: Ask, count: int) -> bytes:
        """The body for a prompt beyond the server's context."""
        text = (
            f"This model's maximum context length is {ask.context} tokens. However, your messages resulted in "
            f"{count} tokens. Please reduce the length of the messages."
        )
        return dumps(_error(400, text, "context_length_exceeded", "messages"))

    # --- what is asked ---

    async def _chat(self, exchange: Exchange) -> None:
        body = await self._valid(exchange, "chat")
        if body is None:
            return
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            error = dumps(_error(400, "'messages' must be a list of objects", None, "messages"))
            await self._service.refuse(exchange, "chat", str(body["model"]), 400, error)
            return
        ask = Ask(
            model=str(body["model"]),
            system="\n".join(_text(message) for message in messages if message.get("role") in {"system", "developer"}),
            user="\n".join(
                _text(message) for message in messages if message.get("role") not in {"system", "developer"}
            ),
            stream=body.get("stream") is True,
            context=self._service.setup.context_tokens,
            limit=int(body.get("max_completion_tokens") or body.get("max_tokens") or 0),
            truncate=False,
            seed=str(body.get("seed", 0)),
            options={key: value for key, value in body.items() if key not in {"model", "messages"}},
        )
        await self._service.chat(exchange, ask, self)

    async def _embeddings(self, exchange: Exchange) -> None:
        body = await self._valid(exchange, "embed")
        if body is None:
            return
        name, service = str(body["model"]), self._service
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            error = dumps(_error(400, "'input' must be a text or a list of texts", None, "input"))
            await service.refuse(exchange, "embed", name, 400, error)
            return

        def whole(answer: Answer) -> bytes:
            data = [
                {"object": "embedding", "index": number, "embedding": service.vector(text)}
                for number, text in enumerate(texts)
            ]
            count = {"prompt_tokens": answer.prompt_tokens, "total_tokens": answer.prompt_tokens}
            return dumps({"object": "list", "data": data, "model": name, "usage": count})

        await service.embed(exchange, name, texts, self, whole)

    async def _models(self, exchange: Exchange) -> None:
        if self._locked(exchange):
            await exchange.reply(401, _WRONG_KEY)
            return
        listed = [
            {"id": name, "object": "model", "created": int(time.time()), "owned_by": "doctown"}
            for name in self._service.models
        ]
        await exchange.reply_json(200, {"object": "list", "data": listed})

    async def _valid(self, exchange: Exchange, kind: str) -> _Body | None:
        """The request's object, if it may be asked and names a model that is there; else the error is sent."""
        body = await exchange.body()
        name = body.get("model") if isinstance(body, dict) else None
        if self._locked(exchange):
            await self._service.refuse(exchange, kind, str(name), 401, _WRONG_KEY)
            return None
        if not isinstance(body, dict) or not isinstance(name, str):
            error = dumps(_error(400, "you must provide a model parameter", None))
            await self._service.refuse(exchange, kind, "", 400, error)
            return None
        if name not in self._service.models:
            error = dumps(_error(404, f"The model `{name}` does not exist.", "model_not_found", "model"))
            await self._service.refuse(exchange, kind, name, 404, error)
            return None
        return body

    def _locked(self, exchange: Exchange) -> bool:
        """Whether a key is demanded and the request does not have it."""
        key = self._service.setup.key
        return key is not None and exchange.header(b"authorization") != f"Bearer {key}"

    def _event(self, answer: Answer, delta: Mapping[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _event({**self._head(answer, "chat.completion.chunk"), "choices": [choice]})

    def _head(self, answer: Answer, kind: str) -> dict[str, Any]:
        # The moment of the request identifies an answer: all its events carry the same id.
        name = f"chatcmpl-{int(answer.started * 1e9):x}"
        return {"id": name, "object": kind, "created": int(time.time()), "model": answer.model}


def _error(status: int, text: str, code: str | None, param: str | None = None) -> dict[str, Any]:
    kind = _TYPES.get(status, "server_error" if status >= _SERVER_ERROR else "invalid_request_error")
    return {"error": {"message": text, "type": kind, "param": param, "code": code}}


_WRONG_KEY = dumps(_error(401, "Incorrect API key provided.", "invalid_api_key"))


def _usage(answer: Answer) -> dict[str, int]:
    prompt, output = answer.prompt_tokens, answer.output_tokens
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _event(value: object) -> bytes:
    return b"data: " + dumps(value) + b"\n\n"


def _text(message: _Body) -> str:
    """A message's text; its content may be a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
