"""Whether a model's file may be opened: it is the one of its card, brings all of itself along, and no operators.

An ONNX file is a protocol buffer (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). It may name other files for
its weights, and operators of libraries that somebody else must load. Neither is ever needed here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from improv.errors import ModelError

LARGEST_BYTES = 1 << 30
OPERATOR_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Of the operators that onnxruntime brings along; the last has the cells in 8 bits."""
CARD_ROW = re.compile(r"^\| *sha256 *\| *`?([0-9a-fA-F]{64})`? *\|", re.M)
LARGEST_CARD_BYTES, DEEPEST = 1 << 20, 64

# Numbers of the fields in onnx.proto.
GRAPH, FUNCTIONS = 7, 25  # of a model
NODES, INITIALIZERS, SPARSE_INITIALIZERS = 1, 5, 15  # of a graph
FUNCTION_NODES, FUNCTION_DOMAIN = 7, 10  # of a function
DOMAIN, ATTRIBUTES, OPERATOR = 7, 5, 4  # of a node
TENSOR, SUBGRAPH, TENSORS, SUBGRAPHS, SPARSE_TENSOR, SPARSE_TENSORS = 5, 6, 10, 11, 22, 23  # of an attribute
VALUES, INDICES = 1, 2  # of a sparse tensor
EXTERNAL_DATA, DATA_LOCATION = 13, 14  # of a tensor
VARINT, FIXED_64, DELIMITED, FIXED_32 = 0, 1, 2, 5  # wire types


def card_row(content: bytes) -> str:
    """What the card says of a file with this content."""
    return f"| sha256 | `{hashlib.sha256(content).hexdigest()}` |"


def card_of(path: Path) -> Path:
    """Where the card of a model lies, if it has one."""
    return path.with_suffix(".md")


def told_digest(path: Path) -> str:
    """What the card beside a model says that its SHA-256 is; "" without a card, or where it says none."""
    try:
        with card_of(path).open("rb") as file:
            text = file.read(LARGEST_CARD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    found = CARD_ROW.search(text)
    return found[1].lower() if found else ""


def read_checked(path: Path) -> tuple[bytes, str, bool]:
    """The content of a model's file, its SHA-256, and whether a card vouches for it.

    ModelError when it cannot be read, is not the one of its card, or is more than weights and known operators.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise ModelError(f"the model {path} has {size >> 20} MiB, at most {LARGEST_BYTES >> 20} are read")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"the model {path} cannot be read: {error.strerror}") from None
    digest, told = hashlib.sha256(content).hexdigest(), told_digest(path)
    if told and told != digest:
        raise ModelError(
            f"the model {path} is not the one of its card: its SHA-256 begins with {digest[:12]}, {card_of(path).name} "
            f"says {told[:12]}; get the file again, or take the line sha256 out of the card if you made the model anew"
        )
    try:
        _look_through(memoryview(content), path)
    except (IndexError, ValueError) as error:
        raise ModelError(f"the model {path} cannot be loaded, it is damaged or not an ONNX file ({error})") from None
    return content, digest, bool(told)


def _look_through(model: memoryview, path: Path) -> None:
    functions = list(_messages(model, FUNCTIONS))
    own = {_text(function, FUNCTION_DOMAIN) for function in functions}
    for graph in _messages(model, GRAPH):
        _look_at_graph(graph, path, own, DEEPEST)
    for function in functions:
        for node in _messages(function, FUNCTION_NODES):
            _look_at_node(node, path, own, DEEPEST)


def _look_at_graph(graph: memoryview, path: Path, own: set[str], deeper: int) -> None:
    if deeper <= 0:
        raise ValueError("graphs in graphs in graphs")
    for tensor in _messages(graph, INITIALIZERS):
        _look_at_tensor(tensor, path)
    for tensor in _messages(graph, SPARSE_INITIALIZERS):
        _look_at_sparse(tensor, path)
    for node in _messages(graph, NODES):
        _look_at_node(node, path, own, deeper - 1)


def _look_at_node(node: memoryview, path: Path, own: set[str], deeper: int) -> None:
    domain = _text(node, DOMAIN)
    if domain not in OPERATOR_DOMAINS and domain not in own:
        raise ModelError(
            f"the model {path} wants the operator {_text(node, OPERATOR)!r} of {domain!r}, which is not part of "
            f"onnxruntime; such operators are not loaded"
        )
    for attribute in _messages(node, ATTRIBUTES):
        for tensor in (*_messages(attribute, TENSOR), *_messages(attribute, TENSORS)):
            _look_at_tensor(tensor, path)
        for tensor in (*_messages(attribute, SPARSE_TENSOR), *_messages(attribute, SPARSE_TENSORS)):
            _look_at_sparse(tensor, path)
        for graph in (*_messages(attribute, SUBGRAPH), *_messages(attribute, SUBGRAPHS)):
            _look_at_graph(graph, path, own, deeper - 1)


def _look_at_sparse(sparse: memoryview, path: Path) -> None:
    for part in (VALUES, INDICES):
        for tensor in _messages(sparse, part):
            _look_at_tensor(tensor, path)


def _look_at_tensor(tensor: memoryview, path: Path) -> None:
    if any(number == EXTERNAL_DATA or (number == DATA_LOCATION and value) for number, value in _fields(tensor)):
        raise ModelError(
            f"the model {path} keeps weights in another file; export it as one file (external data is not read)"
        )


# -------------------------------------------------------------------------------------------------- protocol buffers


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The parts of a message with that field number."""
    for number, value in _fields(message):
        if number == wanted and isinstance(value, memoryview):
            yield value


def _text(message: memoryview, wanted: int) -> str:
    """The last value counts, as protocol buffers have it."""
    found = ""
    for value in _messages(message, wanted):
        found = bytes(value).decode("utf-8", "replace")
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(number, value) of each field. ValueError where the bytes are no such message."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == DELIMITED:
            length, at = _varint(message, at)
        elif wire in (FIXED_64, FIXED_32):
            length = 8 if wire == FIXED_64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(message):
            raise ValueError("it is cut short")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(message):
            raise ValueError("it is cut short")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("a number without an end")
