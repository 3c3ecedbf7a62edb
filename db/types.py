"""The shared words: stages, states, nodes, claims, materials, drafts; values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any


class Stage(StrEnum):
    """One step of the work on a chunk; each has its own row in ``work``."""

    CODER = "coder"  # source -> content_raw, for developers
    TALKER = "talker"  # content_raw -> content, for managers and analysts
    INSTRUCT = "instruct"  # content_raw and the places that use it -> instruct, how to use it
    EMBED = "embed"  # source and texts -> vectors


TEST_ROLES = frozenset({"test", "test-fixture", "test-class", "test-file"})
WHOLES = ("file", "package", "repository")  # strategies of chunks that are described from what they hold
TEXT_STAGES = (Stage.CODER, Stage.TALKER, Stage.INSTRUCT)  # those that write a text


class State(StrEnum):
    """Where a piece of work stands. The picture is drawn in ``db/models/work.py``."""

    DUE = "due"  # may be claimed now
    LEASED = "leased"  # a worker holds it until lease_until
    RETRYING = "retrying"  # failed, waits for run_at
    DONE = "done"  # made from the present key
    DEAD = "dead"  # given up; waits for a requeue or a new source


class Lane(IntEnum):
    """What goes first: a lower lane is served before a higher one."""

    ASKED = 0  # a person waits for it
    NEW = 1  # never written, or its source changed
    REFRESH = 2  # still true, but neighbours, prompt or model changed


class Reason(StrEnum):
    """Why a chunk is due."""

    NEW = "new"
    SOURCE = "source"
    CONTEXT = "context"
    RECIPE = "recipe"  # another prompt, model or option made the text
    LANGUAGE = "language"  # the text is in another language than the repository asks for now
    RAW_CHANGED = "raw-changed"
    REQUEUED = "requeued"


class ErrorClass(StrEnum):
    """What an error means for the attempt that met it."""

    PERMANENT = "permanent"  # waiting cannot help: park at once
    TRANSIENT = "transient"  # try again with backoff, a bounded number of times
    INFRASTRUCTURE = "infrastructure"  # not this chunk's fault: refund the attempt, open the breaker
    BUDGET = "budget"  # the budget of the day is used up: refund the attempt, wait until it turns
    CRASH = "crash"  # the worker vanished while it held the lease


class NodeKind(StrEnum):
    """What a node of the code graph is."""

    REPOSITORY = "REPOSITORY"
    PACKAGE = "PACKAGE"
    FILE = "FILE"
    CLASS = "CLASS"
    INTERFACE = "INTERFACE"
    ENUM = "ENUM"
    OBJECT = "OBJECT"
    FUNCTION = "FUNCTION"
    METHOD = "METHOD"
    CONSTRUCTOR = "CONSTRUCTOR"
    FIELD = "FIELD"


class EdgeKind(StrEnum):
    """How one node leans on another."""

    CALLS = "CALLS"
    IMPORTS = "IMPORTS"
    INHERITS = "INHERITS"
    IMPLEMENTS = "IMPLEMENTS"
    CONTAINS = "CONTAINS"


class VectorField(StrEnum):
    """Which text of a chunk a vector was made from."""

    SOURCE = "source"
    RAW = "raw"
    CONTENT = "content"
    INSTRUCT = "instruct"


# --- index ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One declared parameter; ``type`` and ``default`` as written, None where absent."""

    name: str
    type: str | None = None
    default: str | None = None


# --- claim ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row of ``work`` that we hold: renewals, saves and releases all say its fence."""

    chunk_id: int
    stage: Stage
    repo_id: int
    fence: int
    attempts: int
    crashes: int
    wanted_key: str
    reason: str
    lane: Lane
    start: float = 0.0  # whose turn it was: how far its repository had come in its lane
    weight: int = 1  # of its repository
    waited_s: float = 0.0  # from when it was due to when it was claimed


# --- gather -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One end of an edge as a stage may see it: a name, a signature, one line of documentation."""

    fqn: str
    count: int
    internal: bool  # belongs to the same class
    resolved: bool  # False: outside the index, only the written name is known
    signature: str | None = None
    summary: str | None = None  # what its author says of it, else the start of our text
    ours: bool = False  # the summary is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How much there is of what only the beginning is shown of."""

    sites: int  # places where something is called
    names: int  # of what is called, or of who calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a class or a file says of one of its members: its own documentation, or the beginning of ours."""

    name: str
    signature: str | None = None
    summary: str | None = None
    ours: bool = False  # the summary is the beginning of a generated text, headings and all
    role: str | None = None  # with its detail: ``http-endpoint (Spring MVC: GET /owners)``


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Where a piece is used: who calls it, and the code of the caller round the call."""

    symbol: str  # of the caller: ``Owner.method``, a function, a file
    path: str | None
    called: str  # the name that is called there
    code: str  # the first call is in the line ``at`` of it, where that is known
    at: int | None = None  # from 0
    line: int | None = None  # of that call in its file
    tested: bool = False  # by a test


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a file, a package or a repository holds, with its text where there is one."""

    name: str
    kind: str
    path: str | None = None
    signature: str | None = None
    role: str | None = None
    doc: str | None = None  # what its author says of it, in one line
    text: str | None = None  # the beginning of its technical text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Files that belong together by who calls whom, and what is used most of what they define."""

    files: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where execution starts in a package or a repository, and how its parts hang together."""

    entries: tuple[str, ...] = ()
    leans_on: tuple[str, ...] = ()  # packages, the one that is used most first
    serves: tuple[str, ...] = ()
    clusters: tuple[Cluster, ...] = ()  # the largest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a stage may see of a claimed chunk."""

    chunk_id: int
    repo: str
    language: str  # natural language asked for: en, ru, es, ...
    title: str | None
    part: int
    kind: str
    lang: str
    fqn: str
    name: str
    package: str
    owner: str | None
    path: str | None
    line_start: int | None
    line_end: int | None
    signature: str | None
    params: tuple[Param, ...]
    return_type: str | None
    supertypes: tuple[str, ...]
    annotations: tuple[str, ...]
    modifiers: tuple[str, ...]
    doc_summary: str | None
    doc_details: str | None
    imports: tuple[str, ...]
    source_code: str
    source_hash: str
    strategy: str | None
    audience: str | None
    goal: str | None
    quality_target: str | None
    content_raw: str | None
    content: str | None
    idents: str | None  # None: an index that is not ours left it to us
    callees: tuple[Neighbour, ...] = ()
    callers: tuple[Neighbour, ...] = ()
    inside: Tally | None = None  # all calls within the class; None: the callees above are all there are
    outside: Tally | None = None  # all other calls
    users: Tally | None = None  # all callers
    vectors: tuple[tuple[str, str], ...] = ()  # (field, text hash) of the vectors that are there
    members: tuple[Member, ...] = ()  # of a container, in source order
    role: str | None = None  # what the code is for: http-endpoint, test, ...; None where nothing is certain
    role_detail: str | None = None  # what is known of the role: ``GET /owners/{id}``, a cron expression, a topic
    instruct: str | None = None
    uses: tuple[Use, ...] = ()  # places that use it, best example first; gathered for Instruct alone
    makers: tuple[tuple[Param, ...], ...] = ()  # of a class: the ways to make one; gathered for Instruct alone
    pieces: tuple[Piece, ...] = ()  # of a whole; gathered for the Coder alone, like the next
    around: Around | None = None


# --- save -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDraft:
    """An answer that may be saved, and everything that made it."""

    text: str
    key: str  # content address: same key, same text, no call
    recipe: str  # fingerprint of prompts, model, options and language
    model: str
    options: dict[str, Any]
    prompt_fingerprint: str
    language: str
    quality: dict[str, Any]
    language_detected: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    duration_ms: int = 0
    regenerations: int = 0
    reused_from: int | None = None  # generation that already held this text: no call was made
    made_from: dict[str, Any] | None = None  # short hashes of what it was made from, by name


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One vector of a chunk and the hash of the text it was made from."""

    field: VectorField
    text_hash: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorDraft:
    """The vectors that a chunk lacked; fields whose text had not changed are absent."""

    model: str
    dims: int
    vectors: tuple[Vector, ...]
    recipe: str
    idents: str | None = None  # identifiers and code words, where the indexer gave none
    words: str | None = None


class Outcome(StrEnum):
    """What became of a save."""

    SAVED = "saved"
    OUTDATED = "outdated"  # the source changed meanwhile: back to due, attempt refunded
    LOST = "lost"  # another worker holds the row, or nobody: nothing was written


# --- search -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search result: where it is, how it scored, and which lists it was found by."""

    chunk_id: int
    repo: str
    fqn: str
    kind: str
    lang: str
    path: str | None
    line_start: int | None
    line_end: int | None
    score: float
    found_by: tuple[str, ...]
    content_raw: str | None
    content: str | None
    signature: str | None
    doc_summary: str | None


# --- report -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How one stage of one repository stands."""

    repo: str
    stage: Stage
    due: int = 0
    leased: int = 0
    retrying: int = 0
    done: int = 0
    dead: int = 0
    rate_per_min: float | None = None  # finished in the last ten minutes, per minute
    left_s: float | None = None  # at that rate; None when nothing moves
    flagged: int = 0  # saved although a guard objected
    paused: bool = False  # its repository, or everything
    weight: int = 1  # its repository's share of the work beside others

    @property
    def total(self) -> int:
        """Every piece of work of this stage, whatever its state."""
        return self.due + self.leased + self.retrying + self.done + self.dead
