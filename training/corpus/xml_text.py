"""The text of a score's bytes, and its XML, though a program or a mail has hurt what surrounds the music."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from training.corpus.score import Rejected, first_line

_DECLARED = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
_DECLARATION = re.compile(r"<\?xml.*?\?>", re.DOTALL)
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_ENTITY = re.compile(r"&(#?\w*)(;?)")
_OF_XML = ("amp", "lt", "gt", "quot", "apos")


def text_of(content: bytes) -> str:
    """A score's bytes as text: by their byte order mark, by what the XML declares if it holds, as UTF-8 or Latin-1."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content[: len(content) // 2 * 2].decode("utf-16", errors="replace")
    if content[:1] and content[1:2] == b"\0":
        return content[: len(content) // 2 * 2].decode("utf-16-le", errors="replace")
    if content[:1] == b"\0" and content[1:2] not in (b"", b"\0"):
        return content[: len(content) // 2 * 2].decode("utf-16-be", errors="replace")
    declared = _DECLARED.match(content.removeprefix(b"\xef\xbb\xbf"))
    names = ["utf-8-sig"]
    if declared is not None and not declared[1].lower().startswith((b"utf", b"ucs")):
        names.insert(0, declared[1].decode("ascii"))
    for name in names:
        try:
            return content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode("latin-1")


def root_of(content: bytes) -> Element:
    """The root of an XML file, its tags without namespaces. Rejected when it is none.

    What stands before the first and after the last tag, letters that XML forbids and bare ampersands are mended; no
    entity but those of XML and HTML is known.
    """
    text = text_of(content)
    text = _DECLARATION.sub("", text[max(text.find("<"), 0) : text.rfind(">") + 1], count=1)
    text = _ENTITY.sub(_known, _NO_XML.sub(" ", text))
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Rejected(f"damaged score ({type(error).__name__}: {first_line(error)})") from None
    for element in root.iter():
        if isinstance(element.tag, str) and "}" in element.tag:
            element.tag = element.tag.rsplit("}", 1)[1]
    return root


def number(text: str | None) -> float:
    """The number that an element or attribute holds; 0 where it holds none."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _known(entity: re.Match[str]) -> str:
    name, end = entity.groups()
    if end and (name in _OF_XML or re.fullmatch(r"#(\d+|x[0-9a-fA-F]+)", name)):
        return entity[0]
    letter = html.unescape(f"&{name};") if end else ""
    return letter if len(letter) == 1 and letter not in "&<>" else f"&amp;{name}{end}"
