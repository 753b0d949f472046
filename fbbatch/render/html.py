"""The page of a run folder, by which people find its documents.

It is one file, with no script and nothing from outside.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from fbbatch.wording import say


class Link(NamedTuple):
    """A link: its text and relative path."""

    text: str
    path: str


class PageLine(NamedTuple):
    """A line on the page: what it is about, its links, a remark.

    A single link is the text itself.
    """

    text: str
    links: tuple[Link, ...] = ()
    remark: str = ""


class Section(NamedTuple):
    """A heading with its lines."""

    title: str
    entries: Sequence[PageLine]


class Page(NamedTuple):
    """The page of a run."""

    language: str
    company: str
    title: str
    subtitle: str
    balance: str
    sections: Sequence[Section]


_PAGE = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).from_string("""<!doctype html>
<html lang="{{ page.language }}"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width"><title>{{ page.title }}</title>
<style>
body{font:16px/1.7 "Microsoft JhengHei","Microsoft YaHei","PingFang TC","PingFang SC",\
"Noto Sans CJK TC",sans-serif;max-width:60rem;margin:2.5rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem;margin:0}\
summary{font-size:1.05rem;font-weight:bold;border-bottom:1px solid #ccc;\
margin:1.4rem 0 .4rem;cursor:pointer}
.sub{color:#666;margin:.2rem 0 1rem}ul{padding-left:1.2rem;margin:.3rem 0}li{margin:.1rem 0}\
.remark{color:#666;font-size:.9em}a{color:#0b57a4;margin-right:.5em}
@media print{a{color:inherit;text-decoration:none}}
</style></head><body>
<p class="sub">{{ page.company }}</p><h1>{{ page.title }}</h1>\
<p class="sub">{{ page.subtitle }}</p><p>{{ page.balance }}</p>
{% for section in page.sections if section.entries %}
<details{{ " open" if section.entries|length <= 20 else "" }}>\
<summary>{{ section.title }}{{ counted(section) }}</summary><ul>
{% for e in section.entries %}
<li>{% if e.links|length == 1 %}<a href="{{ e.links[0].path|urlencode }}">{{ e.text }}</a>\
{% else %}{{ e.text }}{% for l in e.links %}
 <a href="{{ l.path|urlencode }}">{{ l.text }}</a>{% endfor %}{% endif %}\
{% if e.remark %} <span class="remark">{{ e.remark }}</span>{% endif %}</li>
{% endfor %}
</ul></details>
{% endfor %}
</body></html>
""")


def index(page: Page) -> bytes:
    """The page as UTF-8."""

    def counted(section: Section) -> str:
        return say("in_brackets", page.language, text=len(section.entries))

    return _PAGE.render(page=page, counted=counted).encode()
