"""Templates, the filters they use, and the address of a static file that changes with its content."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from services.gateway.pages import icons, words

HERE = Path(__file__).resolve().parent.parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"


@cache
def release() -> str:
    """A digest of all static files. It stands in their addresses, so that each may be cached for ever and modules find each other."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static(name: str) -> str:
    """The address of a file below `static/`."""
    return f"/static/{release()}/{name}"


# The zone of whoever reads the page that is being rendered. Macros of imported templates see no context, so it is not kept there.
_zone: ContextVar[tzinfo] = ContextVar("zone")


def when(value: Any, *, style: str = "ago") -> Markup:
    """A time of the API as a `<time>` element, exact in its title; `style` is `ago` or `time` (of day). Nothing for no time."""
    at, tz = words.moment(value), _zone.get()
    if at is None:
        return Markup("")
    text = words.ago(at, tz, datetime.now(UTC)) if style == "ago" else f"{at.astimezone(tz):%H:%M}"
    # The page's script keeps what is marked `data-ago` up to date.
    live = Markup(" data-ago") if text == "just now" or text.endswith(" ago") else ""
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", words.exact(at, tz), live, text
    )


def mail(address: str) -> Markup:
    """An e-mail that breaks behind its @ where a line is too short for it."""
    local, at, domain = address.rpartition("@")
    return Markup("<span>{}{}<wbr>{}</span>").format(local, at, domain) if at else escape(address)


def paragraphs(text: str) -> Markup:
    """Text with its line breaks."""
    return Markup("<br>").join(escape(line) for line in text.split("\n"))


@cache
def environment() -> Environment:
    """The one template environment: everything escaped, nothing undefined passes silently."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        when=when,
        initials=words.initials,
        hue=words.hue,
        plural=words.plural,
        listed=words.listed,
        paragraphs=paragraphs,
        mail=mail,
    )
    env.globals.update(static=static, release=release, words=words, icon=icons.icon, brand=icons.brand)
    return env


def render(name: str, zone: tzinfo, **values: Any) -> str:
    """The page `name` as HTML, with times as people in `zone` write them."""
    _zone.set(zone)
    return environment().get_template(name).render(**values)
