"""The page of a run folder, by which people find its documents; one file, no script, nothing from outside."""

from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined


class Entry(NamedTuple):
    """A link on the page: text, relative path, remark."""

    text: str
    path: str
    remark: str = ""


class Section(NamedTuple):
    """A heading with its links."""

    title: str
    entries: Sequence[Entry]


_PAGE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="{{ language }}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ title }}</title>
<style>
body{font:16px/1.7 "Microsoft JhengHei","Microsoft YaHei","PingFang TC","PingFang SC","Noto Sans CJK TC",sans-serif;max-width:60rem;margin:2.5rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;border-bottom:1px solid #ccc;margin:1.8rem 0 .4rem}
.sub{color:#666;margin:.2rem 0 1rem}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.25rem .8rem;text-align:right}th{background:#eee}
ul{padding-left:1.2rem;margin:.3rem 0}li{margin:.1rem 0}.remark{color:#666;font-size:.9em}a{color:#0b57a4}details summary{cursor:pointer}
@media print{a{color:inherit;text-decoration:none}}
</style></head><body>
<p class="sub">{{ company }}</p><h1>{{ title }}</h1><p class="sub">{{ subtitle }}</p>
<table><tr>{% for name, _ in counts %}<th>{{ name }}</th>{% endfor %}</tr><tr>{% for _, n in counts %}<td>{{ n }}</td>{% endfor %}</tr></table>
{% for section in sections if section.entries %}
<h2>{{ section.title }}</h2>
{% if section.entries|length > 12 %}<details><summary>{{ section.entries|length }}</summary>{% endif %}
<ul>{% for e in section.entries %}<li><a href="{{ e.path|urlencode }}">{{ e.text }}</a>{% if e.remark %} <span class="remark">{{ e.remark }}</span>{% endif %}</li>
{% endfor %}</ul>
{% if section.entries|length > 12 %}</details>{% endif %}
{% endfor %}
</body></html>
""")


def index(
    *,
    language: str,
    company: str,
    title: str,
    subtitle: str,
    counts: Sequence[tuple[str, int]],
    sections: Sequence[Section],
) -> bytes:
    """The page as UTF-8."""
    page = _PAGE.render(language=language, company=company, title=title, subtitle=subtitle, counts=counts, sections=sections)
    return page.encode()
