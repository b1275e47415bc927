"""Pages taken apart, as strictly as no browser does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

INLINE = frozenset({"a", "b", "code", "del", "ins", "small", "span", "strong", "time"})
VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})


@dataclass
class Element:
    """An element in a page's order; ``text`` is all that it holds, spaces made one."""

    tag: str
    attrs: dict[str, str | None]
    inside: tuple[str, ...]
    words: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def __getitem__(self, name: str) -> str:
        return self.attrs.get(name) or ""


class Page(HTMLParser):
    """Every element of a page. Raises AssertionError where a tag isn't closed, or an attribute is there twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.all: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {[one.tag for one in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(self.all[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        if tag not in INLINE:
            self.handle_data(" ")
        self.all.append(Element(tag, dict(attrs), tuple(one.tag for one in self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag} {self._open[-1].attrs}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.words.append(data)

    def of(self, tag: str, **attrs: str) -> list[Element]:
        """The elements with this tag and these attributes."""
        return [one for one in self.all if one.tag == tag and attrs.items() <= one.attrs.items()]

    def one(self, tag: str, **attrs: str) -> Element:
        """The only element with this tag and these attributes."""
        found = self.of(tag, **attrs)
        assert len(found) == 1, (tag, attrs, [one.attrs for one in found])
        return found[0]

    @property
    def text(self) -> str:
        return self.one("main").text

    @property
    def title(self) -> str:
        return self.one("title").text

    @property
    def actions(self) -> list[str]:
        """Where the page's forms that write go."""
        return [form["action"] for form in self.of("form", method="post")]


def form_values(text: str, action: str) -> dict[str, str]:
    """What the form to ``action`` sends when nothing is typed."""
    page = Page(text)
    start = page.all.index(page.one("form", action=action))
    depth = len(page.all[start].inside)
    values = {}
    for element in page.all[start + 1 :]:
        if len(element.inside) <= depth:
            break
        if element.tag == "input" and "name" in element.attrs:
            values[element["name"]] = element.attrs.get("value") or ""
        if element.tag == "option" and "selected" in element.attrs:
            values["for"] = element["value"]
    return values
