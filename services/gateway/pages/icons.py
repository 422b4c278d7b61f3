"""Icons of our own drawing on a grid of 20, drawn with the colour of the text. They are decoration: the words stand beside them."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

_SHAPES = {
    "home": Markup('<path d="M3 9 10 3.3 17 9v7a1 1 0 0 1-1 1h-3.5v-4.7h-5V17H4a1 1 0 0 1-1-1z"/>'),
    "people": Markup(
        '<circle cx="7.5" cy="7" r="2.8"/><path d="M2.3 16.5c.4-3 2.4-4.6 5.2-4.6s4.8 1.6 5.2 4.6M12.8 4.4a2.7 2.7 0 0 1 0 5.2M14.6 12.2c1.8.5 2.9 2 3.1 4.3"/>'
    ),
    "person": Markup('<circle cx="10" cy="7" r="3"/><path d="M4 16.8c.6-3.4 2.8-5 6-5s5.4 1.6 6 5"/>'),
    "bell": Markup(
        '<path d="M5 8.4a5 5 0 0 1 10 0c0 3.7 1.6 5.1 1.6 5.1H3.4S5 12.1 5 8.4zM8.2 16.2a1.9 1.9 0 0 0 3.6 0"/>'
    ),
    "sliders": Markup(
        '<path d="M3 6h7.8M15.2 6H17M3 14h1.8M9.2 14H17"/><circle cx="13" cy="6" r="2.2"/><circle cx="7" cy="14" r="2.2"/>'
    ),
    "plus": Markup('<path d="M10 4.2v11.6M4.2 10h11.6"/>'),
    "search": Markup('<circle cx="9" cy="9" r="5.3"/><path d="m13 13 3.8 3.8"/>'),
    "check": Markup('<path d="m4.5 10.6 3.6 3.6 7.4-8.2"/>'),
    "clock": Markup('<circle cx="10" cy="10" r="7"/><path d="M10 6v4.3l2.8 1.7"/>'),
    "alert": Markup('<path d="M10 3.4 17.4 16.5H2.6zM10 8.4v3.7M10 14.2v.1"/>'),
    "info": Markup('<circle cx="10" cy="10" r="7"/><path d="M10 9.4v4.2M10 6.5v.1"/>'),
    "chevron": Markup('<path d="m7.5 5 5 5-5 5"/>'),
    "down": Markup('<path d="m5 7.5 5 5 5-5"/>'),
    "dots": Markup('<path d="M4.6 10h.1M10 10h.1M15.4 10h.1" class="thick"/>'),
    "left": Markup('<path d="M16 10H4.5M9.2 5.3 4.5 10l4.7 4.7"/>'),
    "right": Markup('<path d="M4 10h11.5M10.8 5.3l4.7 4.7-4.7 4.7"/>'),
    "reply": Markup('<path d="M7.8 4.8 3.8 8.8l4 4M3.8 8.8h7.7a5 5 0 0 1 5 5v1.4"/>'),
    "logout": Markup('<path d="M8.5 3.5H5a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h3.5M12.8 6.3l3.7 3.7-3.7 3.7M16.3 10H8"/>'),
    "building": Markup(
        '<path d="M4 17V4.4a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1V17M12 8.8h3a1 1 0 0 1 1 1V17M2.4 17h15.2M7 6.8h2M7 10h2M7 13.2h2"/>'
    ),
    "layers": Markup('<path d="m10 3.4 7.2 3.7-7.2 3.7-7.2-3.7zM2.8 11l7.2 3.7 7.2-3.7"/>'),
    "key": Markup('<circle cx="6.6" cy="10" r="3.3"/><path d="M9.9 10h7.3v3M13.8 10v2.4"/>'),
    "mail": Markup('<rect x="2.8" y="4.8" width="14.4" height="10.4" rx="1.4"/><path d="m3.4 6 6.6 5 6.6-5"/>'),
    "phone": Markup(
        '<path d="M6.7 3.3 8.4 7 6.7 8.5a9.6 9.6 0 0 0 4.8 4.8l1.5-1.7 3.7 1.7v2.6a1 1 0 0 1-1.1 1A12.4 12.4 0 0 1 3.1 4.4a1 1 0 0 1 1-1.1z"/>'
    ),
    "eye": Markup(
        '<path d="M2.4 10S5.2 4.8 10 4.8s7.6 5.2 7.6 5.2-2.8 5.2-7.6 5.2S2.4 10 2.4 10z"/><circle cx="10" cy="10" r="2.3"/>'
    ),
    "lock": Markup('<rect x="4.8" y="9" width="10.4" height="7.6" rx="1.2"/><path d="M7 9V6.7a3 3 0 0 1 6 0V9"/>'),
    "send": Markup('<path d="M17 3.2 8.8 11.3M17 3.2l-4.9 13.4-3.3-5.3-5.4-3.2z"/>'),
    "pen": Markup('<path d="m12.8 4.2 3 3L7.2 15.8l-3.7.7.7-3.7z"/>'),
    "handshake": Markup('<circle cx="7.4" cy="10" r="4.9"/><circle cx="12.6" cy="10" r="4.9"/>'),
    "x": Markup('<path d="m5.2 5.2 9.6 9.6M14.8 5.2l-9.6 9.6"/>'),
    "end": Markup('<circle cx="10" cy="10" r="7"/><path d="M5.2 14.8 14.8 5.2"/>'),
    "upload": Markup('<path d="M10 13V4M6.2 7.6 10 3.8l3.8 3.8M3.6 12.6v3a1 1 0 0 0 1 1h10.8a1 1 0 0 0 1-1v-3"/>'),
    "download": Markup('<path d="M10 3.6v9M6.2 9 10 12.8 13.8 9M3.6 12.6v3a1 1 0 0 0 1 1h10.8a1 1 0 0 0 1-1v-3"/>'),
    "undo": Markup('<path d="M7 5 3.5 8.5 7 12M3.8 8.5h7.7a4.5 4.5 0 0 1 0 9H8"/>'),
    "trash": Markup(
        '<path d="M3.6 5.6h12.8M8 5.4V3.6h4v1.8M5.2 5.6l.7 10a1 1 0 0 0 1 .9h6.2a1 1 0 0 0 1-.9l.7-10M8.4 8.8v4.6M11.6 8.8v4.6"/>'
    ),
    "list": Markup('<path d="M7.5 5.5H17M7.5 10H17M7.5 14.5H17M3.6 5.5h.1M3.6 10h.1M3.6 14.5h.1"/>'),
}
_BRAND = Markup(
    '<circle cx="8.7" cy="12" r="6.6" stroke="currentColor" stroke-width="1.9"/>'
    '<circle cx="15.3" cy="12" r="6.6" stroke="currentColor" stroke-width="1.9"/>'
    '<path class="lens" d="M12 6.3a6.6 6.6 0 0 1 0 11.4 6.6 6.6 0 0 1 0-11.4z"/>'
)


# A page of tiles shows hundreds of them, and they are few: each is put together once.
@cache
def icon(name: str, size: int = 20) -> Markup:
    """The icon `name`, `size` pixels wide and high."""
    return Markup('<svg class="icon" width="{0}" height="{0}" viewBox="0 0 20 20" aria-hidden="true">{1}</svg>').format(
        size, _SHAPES[name]
    )


@cache
def brand(size: int = 26) -> Markup:
    """Accord's sign: two circles that share a part."""
    return Markup(
        '<svg class="brand-mark" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" aria-hidden="true">{1}</svg>'
    ).format(size, _BRAND)
