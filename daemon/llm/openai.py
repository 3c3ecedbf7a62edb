"""Speaks to any server with OpenAI's API (vLLM, llama-server, hosted); the only door to the package ``openai``."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from daemon.errors import ModelError, ModelMissing, ModelRefused
from daemon.llm.base import Completion, Finish, Health, Prompt, Resident
from daemon.llm.thinking import strip_thinking
from daemon.llm.wire import Border, Patience, Reply, client_options, expect_reply, unit_vectors
from daemon.settings import EmbedderSettings, EndpointSettings, TextModelSettings

if TYPE_CHECKING:
    import openai

_CHECK_S = 10.0  # what a health check may take
_SHOWN = 12  # names of models that a health check lists


class OpenAIModel:
    """A text model behind ``/v1/chat/completions``."""

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, settings: TextModelSettings) -> None:
        self._settings = settings
        self._server = _Server(endpoint_name, endpoint, settings.name)
        self._limit = "max_tokens"  # until this server asks for the newer name; most know the older one only

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
        """Sent with every call, the seed plus the attempt. The context is the server's own setting here."""
        settings = self._settings
        return {
            "max_tokens": settings.output_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
        }

    async def complete(self, prompt: Prompt) -> Completion:
        """Ask once. Raises ModelError and its kind; cancelling it closes the connection."""
        started = time.monotonic()
        limit = self._limit
        try:
            answer = await self._ask(prompt, limit)
        except ModelRefused as error:
            if limit != "max_tokens" or "max_completion_tokens" not in str(error):
                raise
            self._limit = "max_completion_tokens"
            answer = await self._ask(prompt, self._limit)
        return Completion(
            text=strip_thinking("".join(answer.parts)),
            model=self.name,
            finish=Finish.LENGTH if answer.reason == "length" else Finish.STOP,
            prompt_tokens=answer.prompt_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=round((time.monotonic() - started) * 1000),
            first_token_ms=answer.first_ms,
        )

    async def check(self) -> Health:
        """Whether the server runs and lists the model. Never raises."""
        return await self._server.health()

    async def digest(self) -> str | None:
        """None: this protocol tells nothing of the weights."""
        return None

    async def residents(self) -> tuple[Resident, ...] | None:
        """None: this protocol tells nothing of memory."""
        return None

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    async def _ask(self, prompt: Prompt, limit: str) -> _Answer:
        settings, border = self._settings, self._server.border
        options = {**self.options, "seed": settings.seed + prompt.attempt}
        options[limit] = options.pop("max_tokens")
        request = {
            "model": settings.name,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            **options,
        }
        answer = _Answer()
        if settings.stream:
            async with Patience(border, settings.timeout_s, settings.stall_s) as patience:
                async for piece in self._server.stream(request):
                    patience.piece()
                    answer.add(piece, "delta")
                answer.first_ms = patience.first_ms
        else:
            async with Patience(border, settings.timeout_s):
                answer.add(await self._server.chat(request), "message")
        if not answer.reason:
            raise border.broken("it ended without a `finish_reason`")
        if answer.reason == "content_filter":
            raise border.status(HTTPStatus.BAD_REQUEST, "the server's content filter stopped the answer")
        return answer


class OpenAIEmbedder:
    """An embedder behind ``/v1/embeddings``."""

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
        """One unit vector per text. Raises ModelError and its kind, ConfigError when the length is another."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self.batch):
            part = list(texts[start : start + self.batch])
            async with Patience(self._server.border, self._settings.timeout_s):
                rows = await self._server.embeddings(part)
            vectors += unit_vectors(rows, len(part), self.dims, self._server.border)
        return vectors

    async def check(self) -> Health:
        """Whether the server runs and lists the model. Never raises."""
        return await self._server.health()

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()


class _Answer:
    """Puts an answer together from its pieces. Servers leave fields out, so nothing is taken for granted."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.reason = ""
        self.first_ms: int | None = None
        self.prompt_tokens: int | None = None
        self.output_tokens: int | None = None

    def add(self, piece: Any, part: str) -> None:
        """``part`` is where the text stands: ``delta`` in a piece, ``message`` in a whole answer."""
        for choice in getattr(piece, "choices", None) or ():
            self.parts.append(getattr(getattr(choice, part, None), "content", None) or "")
            self.reason = getattr(choice, "finish_reason", None) or self.reason
        usage = getattr(piece, "usage", None)
        if usage is not None:
            self.prompt_tokens = getattr(usage, "prompt_tokens", None)
            self.output_tokens = getattr(usage, "completion_tokens", None)


class _Server:
    """One server as one model sees it: requests out, our errors back."""

    def __init__(self, endpoint_name: str, endpoint: EndpointSettings, model: str) -> None:
        self._endpoint = endpoint
        self._opened: openai.AsyncOpenAI | None = None
        self.border = Border(
            server="the model server",
            endpoint=endpoint_name,
            url=_base_url(endpoint.url or ""),
            model=model,
            missing=f"Give the model a name that the server lists at {_base_url(endpoint.url or '')}/models.",
            key=endpoint.api_key,
        )

    async def chat(self, request: Mapping[str, Any]) -> object:
        with self._crossing(expect_reply()):
            create: Any = self._client().chat.completions.create
            answer: object = await create(**request, stream=False)
            return answer

    async def stream(self, request: Mapping[str, Any]) -> AsyncIterator[object]:
        with self._crossing(expect_reply()):
            usage = {"include_usage": True}
            create: Any = self._client().chat.completions.create
            stream = await create(**request, stream=True, stream_options=usage)
            async with stream:
                async for piece in stream:
                    yield piece

    async def embeddings(self, texts: list[str]) -> list[object]:
        with self._crossing(expect_reply()):
            # Without this the vendor asks for base64, which not every server can.
            reply: Any = await self._client().embeddings.create(
                model=self.border.model, input=texts, encoding_format="float"
            )
            rows = getattr(reply, "data", None)
            if not isinstance(rows, list):
                raise self.border.nonsense("no `data` in it")
            return [row.embedding for row in sorted(rows, key=lambda row: int(row.index))]

    async def health(self) -> Health:
        model, place = self.border.model, self.border.place
        try:
            async with Patience(self.border, _CHECK_S):
                names = await self._names()
        except ModelMissing:  # 404: some servers have no list, and answer all the same
            return Health(ok=True, summary=f"{place} answers; it lists no models, so {model} is taken on trust")
        except ModelError as error:
            return Health(ok=False, summary=str(error), remedy=error.remedy)
        if model not in names:
            shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            lists = f"it lists {shown}" if names else "it lists no model"
            return Health(ok=False, summary=f"{place} does not have {model}; {lists}", remedy=self.border.missing)
        return Health(ok=True, summary=f"{model} at {place}")

    async def close(self) -> None:
        client, self._opened = self._opened, None
        if client is not None:
            await client.close()

    async def _names(self) -> list[str]:
        with self._crossing(expect_reply()):
            page: Any = await self._client().models.list()
            rows = getattr(page, "data", None)
            if not isinstance(rows, list):
                raise self.border.nonsense("no `data` in it")
            return sorted(str(row.id) for row in rows)

    def _client(self) -> openai.AsyncOpenAI:
        if self._opened is None:
            import openai  # noqa: PLC0415 - on first use

            # OPENAI_ORG_ID and OPENAI_PROJECT_ID in the environment are for another server than this one.
            foreign = ["openai-organization", "openai-project"]
            key = self._endpoint.api_key
            if key is None:
                foreign.append("authorization")  # the vendor's client insists on a key
            http: Any = httpx.AsyncClient(**client_options(self._endpoint, *foreign))
            self._opened = openai.AsyncOpenAI(
                base_url=self.border.url,
                api_key="none" if key is None else key.get_secret_value(),
                max_retries=0,  # when to try again is decided by the queue, which knows of all the others
                http_client=http,
            )
        return self._opened

    @contextmanager
    def _crossing(self, reply: Reply) -> Iterator[None]:
        """Maps every error of the vendor's, of HTTP and of broken JSON, the most special first."""
        import openai  # noqa: PLC0415 - on first use

        try:
            yield
        except openai.APIStatusError as error:
            raise self.border.status(error.status_code, _said(error), reply.retry_after) from error
        except openai.APIConnectionError as error:
            raise self.border.transport(error.__cause__ or error, answered=reply.answered) from error
        except openai.APIResponseValidationError as error:
            raise self.border.nonsense(error.message) from error
        except openai.APIError as error:  # an object {"error": …} among the pieces
            raise self.border.broken(_said(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.border.transport(error, answered=reply.answered) from error
        except (ValueError, TypeError, AttributeError, openai.OpenAIError) as error:
            raise self.border.nonsense(str(error)) from error


def _base_url(url: str) -> str:
    """The address with its version: ``/v1`` is added where the path names none (``/v1``, ``/v1beta/openai``)."""
    url = url.rstrip("/")
    return url if re.search(r"/v\d", urlsplit(url).path) else f"{url}/v1"


def _said(error: openai.APIError) -> str:
    """The server's own words: the error object's message and code, in whatever shape it came."""
    body = error.body
    if not isinstance(body, dict):
        return str(body or error.message)
    words = (body.get(key) for key in ("message", "detail", "code", "type"))
    return ", ".join(dict.fromkeys(str(word) for word in words if word)) or error.message
