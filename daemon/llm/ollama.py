"""Speaks to Ollama over its native API; the only door to the package ``ollama``."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from daemon.errors import ModelError, ModelRefused
from daemon.llm.base import Completion, Finish, Health, Prompt, Resident
from daemon.llm.thinking import strip_thinking
from daemon.llm.wire import Border, Patience, Reply, client_options, expect_reply, unit_vectors
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings

if TYPE_CHECKING:
    import ollama

_CHECK_S = 10.0  # what a health check may take
_GIGA = 1e9


class OllamaModel:
    """A text model behind Ollama's ``/api/chat``."""

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, settings: TextModelSettings) -> None:
        self._settings = settings
        self._server = _Server(endpoint_name, endpoint, settings.name)
        self._sends_think = True  # until this server says that the model cannot take it

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._settings.name

    @property
    def endpoint(self) -> str:
        """The endpoint's name in the configuration."""
        return self._server.border.endpoint

    @property
    def options(self) -> Mapping[str, object]:
        """Sent with every call, the seed plus the attempt. Another ``num_ctx`` would load the model anew."""
        settings = self._settings
        return {
            "num_ctx": settings.context_tokens,
            "num_predict": settings.output_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
        }

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask once. Raises ModelError and its kind; cancelling it closes the connection, and Ollama stops."""
        started = time.monotonic()
        thinks = self._sends_think
        try:
            answer = await self._ask(self._request(prompt, thinks=thinks))
        except ModelRefused as error:
            if not thinks or "does not support thinking" not in str(error):
                raise
            self._sends_think = False
            answer = await self._ask(self._request(prompt, thinks=False))
        return Completion(
            text=strip_thinking(answer.text),
            model=self.name,
            finish=Finish.LENGTH if answer.reason == "length" else Finish.STOP,
            prompt_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=round((time.monotonic() - started) * 1000),
            first_token_ms=answer.first_ms,
        )

    async def check(self) -> Health:
        """Whether the server runs and has the model. Never raises."""
        return await self._server.health()

    async def digest(self) -> str | None:
        """The digest of the model's weights, None where the server has no such model. Raises ModelError."""
        async with Patience(self._server.border, _CHECK_S):
            models = await self._server.models()
        digest = models.get(_tagged(self.name), {}).get("digest")
        return digest if isinstance(digest, str) and digest else None

    async def residents(self) -> tuple[Resident, ...] | None:
        """What ``/api/ps`` lists. Raises ModelError."""
        async with Patience(self._server.border, _CHECK_S):
            models = await self._server.models("/api/ps")
        return tuple(
            Resident(name=name, size=_count(entry.get("size")) or 0, on_gpu=_count(entry.get("size_vram")) or 0)
            for name, entry in models.items()
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    def _request(self, prompt: Prompt, *, thinks: bool) -> dict[str, Any]:
        settings = self._settings
        request = {
            "model": settings.name,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "options": {**self.options, "seed": settings.seed + prompt.attempt},
            # Without these two Ollama cuts a prompt that is too long and says nothing.
            "truncate": False,
            "shift": False,
            "keep_alive": _keep_alive(settings.keep_alive),
            "stream": settings.stream,
        }
        if thinks:
            request["think"] = False
        return request

    async def _ask(self, request: Mapping[str, Any]) -> _Answer:
        settings, answer = self._settings, _Answer(self._server.border)
        if settings.stream:
            async with (
                Patience(self._server.border, settings.timeout_s, settings.stall_s) as patience,
                aclosing(self._server.stream("/api/chat", request)) as pieces,
            ):
                async for piece in pieces:
                    patience.piece()
                    answer.add(piece)
                answer.first_ms = patience.first_ms
        else:
            async with Patience(self._server.border, settings.timeout_s):
                answer.add(await self._server.post("/api/chat", request))
        return answer.whole()


class OllamaEmbedder:
    """An embedder behind Ollama's ``/api/embed``."""

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, settings: EmbedderSettings) -> None:
        self._settings = settings
        self._server = _Server(endpoint_name, endpoint, settings.name)

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._settings.name

    @property
    def dims(self) -> int:
        """Length of every vector."""
        return self._settings.dims

    @property
    def batch(self) -> int:
        """Texts per request."""
        return self._settings.batch

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text. Raises ModelError and its kind, ConfigError when the length is another.

        A text longer than the model's context is cut: its beginning says what it is about.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self.batch):
            part = list(texts[start : start + self.batch])
            request = {"model": self.name, "input": part, "truncate": True}
            async with Patience(self._server.border, self._settings.timeout_s):
                reply = await self._server.post("/api/embed", request)
            rows = reply.get("embeddings")
            if not isinstance(rows, list):
                raise self._server.border.nonsense("no `embeddings` in it")
            vectors += unit_vectors(rows, len(part), self.dims, self._server.border)
        return vectors

    async def check(self) -> Health:
        """Whether the server runs and has the model. Never raises."""
        return await self._server.health()

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()


class _Answer:
    """Puts an answer together from its pieces; one whole object is an answer of one piece."""

    def __init__(self, border: Border) -> None:
        self._border = border
        self._parts: list[str] = []
        self._done = False
        self.reason = ""
        self.first_ms: int | None = None
        self.prompt_tokens: int | None = None
        self.output_tokens: int | None = None

    def add(self, piece: Mapping[str, Any]) -> None:
        message = piece.get("message") or {}
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, str | None):
            raise self._border.nonsense("`message.content` is not a text")
        self._parts.append(content or "")
        if piece.get("done") is True:
            self._done = True
            self.reason = str(piece.get("done_reason") or "")
            self.prompt_tokens = _count(piece.get("prompt_eval_count"))
            self.output_tokens = _count(piece.get("eval_count"))

    def whole(self) -> _Answer:
        """Itself. Raises ModelFailed when the last piece never came."""
        if not self._done:
            raise self._border.broken("its last piece (`done: true`) never came")
        return self

    @property
    def text(self) -> str:
        return "".join(self._parts)


class _Server:
    """One Ollama as one model sees it: requests out, our errors back."""

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, model: str) -> None:
        self._endpoint = endpoint
        self._opened: ollama.AsyncClient | None = None
        self.border = Border(
            server="Ollama",
            endpoint=endpoint_name,
            url=endpoint.url or "",
            model=model,
            missing=f"Run `ollama pull {model}` where Ollama runs.",
            key=endpoint.api_key,
        )

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._crossing(expect_reply()):
            reply: dict[str, Any] = await self._send("POST", path, json=body)
            return reply

    async def get(self, path: str) -> dict[str, Any]:
        with self._crossing(expect_reply()):
            reply: dict[str, Any] = await self._send("GET", path)
            return reply

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        with self._crossing(expect_reply()):
            async with aclosing(await self._send("POST", path, json=body, stream=True)) as pieces:
                async for piece in pieces:
                    yield piece

    async def models(self, listed: str = "/api/tags") -> dict[str, dict[str, Any]]:
        """What the server has, by name with tag; with ``/api/ps`` what it has in memory."""
        entries = (await self.get(listed)).get("models") or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.border.nonsense("`models` is not a list of objects")
        return {_tagged(str(entry.get("model") or entry.get("name"))): entry for entry in entries}

    async def health(self) -> Health:
        model, place = self.border.model, self.border.place
        try:
            async with Patience(self.border, _CHECK_S):
                version = (await self.get("/api/version")).get("version")
                models = await self.models()
        except ModelError as error:
            return Health(ok=False, summary=str(error), remedy=error.remedy)
        entry = models.get(_tagged(model))
        if entry is None:
            has = f"it has {', '.join(sorted(models))}" if models else "it has no model yet"
            return Health(ok=False, summary=f"{place} does not have {model}; {has}", remedy=self.border.missing)
        size, digest = _count(entry.get("size")), str(entry.get("digest") or "")
        facts = [f"{size / _GIGA:.1f} GB"] if size else []
        facts += [f"digest {digest.removeprefix('sha256:')[:12]}"] if digest else []
        about = f" ({', '.join(facts)})" if facts else ""
        return Health(ok=True, summary=f"{model}{about} at {place}, Ollama {version}")

    async def close(self) -> None:
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]

    async def _send(self, *args: str, **kwargs: Any) -> Any:
        """The vendor's own request method, behind `chat()` and its like.

        Not `chat()` itself: it knows neither ``truncate`` nor ``shift`` and would drop them.
        """
        return await self._client()._request(dict, *args, **kwargs)  # noqa: SLF001

    def _client(self) -> ollama.AsyncClient:
        if self._opened is None:
            import ollama  # noqa: PLC0415 - on first use

            headers, foreign = {}, ["authorization"]  # OLLAMA_API_KEY in the environment is for ollama.com
            if self._endpoint.api_key is not None:
                headers = {"authorization": f"Bearer {self._endpoint.api_key.get_secret_value()}"}
                foreign = []
            options = client_options(self._endpoint, *foreign)
            # A host that is given wins over OLLAMA_HOST.
            self._opened = ollama.AsyncClient(host=self._endpoint.url, headers=headers, **options)
        return self._opened

    @contextmanager
    def _crossing(self, reply: Reply) -> Iterator[None]:
        """Maps every error of the vendor's, of HTTP and of broken JSON."""
        import ollama  # noqa: PLC0415 - on first use

        try:
            yield
        except ollama.ResponseError as error:
            if error.status_code < 0:  # an object {"error": …} among the pieces
                raise self.border.broken(error.error) from error
            raise self.border.status(error.status_code, error.error, reply.retry_after) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.border.transport(error, answered=reply.answered) from error
        except ConnectionError as error:  # what the vendor makes of httpx.ConnectError
            raise self.border.transport(error.__context__ or error, answered=False) from error
        except (ValueError, TypeError, AttributeError) as error:  # JSON broken, or not an object
            raise self.border.nonsense(str(error)) from error


def _tagged(name: str) -> str:
    """``qwen2.5`` means ``qwen2.5:latest``; a port in a registry's name is no tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _keep_alive(value: str) -> str | int:
    """Ollama takes ``30m`` as a text but a bare number, such as -1 for ever, only as a number."""
    return int(value) if value.lstrip("-").isdigit() else value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
