"""What is looked at on every page: what it said on the console, what it loaded, how wide it is, what the keyboard reaches and shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Request

WIDTHS = (320, 360, 390, 768, 1280, 1920)
MOST_BYTES = 60_000
TABS = 60

_DOCUMENT = """() => [
    [...document.querySelectorAll('h1')].filter(e => e.checkVisibility({visibilityProperty: true})).length,
    document.title, document.documentElement.lang]"""

_SIDEWAYS = """() => {
    const root = document.scrollingElement, most = root.clientWidth
    if (root.scrollWidth <= most) return null
    const name = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '') + [...e.classList].map(c => '.' + c).join('')
    const wide = [...document.body.querySelectorAll('*')].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > most + 1)
    return `${root.scrollWidth - most} px too wide: ` + wide.slice(-4).map(name).join(', ')
}"""

# All that the Tab key should reach: what is shown, enabled and in the order; of a group of radio buttons one.
_REACHABLE = """
    const named = new Set()
    // While a dialog is open, nothing else is in reach.
    const within = document.querySelector('dialog:modal') ?? document
    const reachable = [...within.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(e => {
        if (e.matches(':disabled, [type=hidden], [inert] *') || e.tabIndex < 0 || !e.checkVisibility({visibilityProperty: true})) return false
        if (e.type !== 'radio') return true
        const group = [...document.getElementsByName(e.name)].find(r => r.checked) || e
        return group === e && !named.has(e.name) && named.add(e.name)
    })
    const told = e => e.outerHTML.slice(0, 120).replace(/\\s+/g, ' ')
"""
# By what an element is, not by the element: a part that follows changes may have been drawn anew meanwhile.
_NOTE_FOCUS = f"""() => {{
    {_REACHABLE}
    window.reached = new Set()
    document.addEventListener('focusin', e => window.reached.add(told(e.target)))
}}"""
_NOT_REACHED = f"() => {{ {_REACHABLE} return reachable.map(told).filter(one => !window.reached.has(one)) }}"
_HOW_MANY = f"() => {{ {_REACHABLE} return reachable.length }}"

# After a key was pressed the browser shows focus wherever a script puts it, as it does for the Tab key.
_FOCUS = f"""() => {{
    {_REACHABLE}
    const wrong = []
    const outlined = (e, part) => {{
        const style = getComputedStyle(e, part)
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1
    }}
    const ring = (e, part) => outlined(e, part) || (!part && getComputedStyle(e).boxShadow !== 'none')
    for (const e of reachable) {{
        if (!e.isConnected) continue
        e.focus()
        if (document.activeElement !== e) {{ wrong.push('takes no focus: ' + told(e)); continue }}
        const label = e.labels?.[0] ?? e
        const box = e.getBoundingClientRect()
        // A checkbox may be hidden below its label, which then stands for it.
        const shown = box.width > 4 && box.height > 4 && getComputedStyle(e).opacity !== '0' ? e : label
        // The ring may stand around what the element covers: its label, or the tile or band it is in.
        const around = []
        for (let one = e.parentElement; one && around.length < 4; one = one.parentElement) around.push(one)
        if (![e, label, e.nextElementSibling].some(one => one && ring(one)) && !ring(e, '::after') && !around.some(one => outlined(one))) wrong.push('shows no focus: ' + told(e))
        shown.scrollIntoViewIfNeeded?.()
        const [first] = shown.getClientRects()
        if (!first) {{ wrong.push('is focused and nowhere: ' + told(e)); continue }}
        const hit = document.elementFromPoint(first.left + Math.min(first.width / 2, 24), first.top + first.height / 2)
        if (!hit || !(shown.contains(hit) || hit.contains(shown) || label.contains(hit)))
            wrong.push('is focused and hidden below ' + (hit ? told(hit) : 'the edge') + ': ' + told(e))
    }}
    return wrong
}}"""


class Watched:
    """A page of a context, and all that came of loading it: console, exceptions, requests, bytes."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(15_000)
        # The console tells of a violation of the policy too; this also names what was blocked.
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        self.page = context.new_page()
        self.troubles: list[str] = []
        self.host, self.bytes = "", 0
        self.expected = 200
        self._sizes: dict[str, int] = {}
        self._network = context.new_cdp_session(self.page)
        self._network.send("Network.enable")
        self._network.on("Network.loadingFinished", self._loaded)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        self.page.on("request", self._asked)

    def _loaded(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def _said(self, message: Any) -> None:
        # What the browser merely remarks is no trouble, such as a field that is not focused because the address names a place in the page.
        if message.type not in {"error", "warning"}:
            return
        # The browser itself reports the status of a page that says that something did not work.
        if (
            self.expected != 200
            and f"status of {self.expected}" in message.text
            and message.location["url"] == self.page.url
        ):
            return
        self.troubles.append(f"console: {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.host:
            self.troubles.append(f"asks another host: {request.url}")

    def visit(self, url: str, expected: int = 200) -> None:
        """Load a page as somebody who has never been here; what is wrong is added to `troubles`."""
        self.troubles, self.bytes, self.expected, self.host = [], 0, expected, urlsplit(url).netloc
        self._network.send("Network.clearBrowserCache")
        answer = self.page.goto(url)
        assert answer is not None
        if answer.status != expected:
            self.troubles.append(f"answers {answer.status}, not {expected}")

    def document(self) -> None:
        """One heading, a title, the language; not too heavy."""
        headings, title, language = self.page.evaluate(_DOCUMENT)
        if headings != 1:
            self.troubles.append(f"has {headings} visible h1")
        if not title.strip():
            self.troubles.append("has no title")
        if language != "en":
            self.troubles.append("says no language")
        if self.bytes > MOST_BYTES:
            self.troubles.append(f"weighs {self.bytes} bytes at the first visit")

    def widths(self) -> None:
        """Nothing scrolls sideways, at any width."""
        for width in WIDTHS:
            self.sideways(width)

    def sideways(self, width: int) -> None:
        """Nothing scrolls sideways at this width."""
        self.page.set_viewport_size({"width": width, "height": 844})
        if (wide := self.page.evaluate(_SIDEWAYS)) is not None:
            self.troubles.append(f"at {width} px: {wide}")

    def keyboard(self, width: int) -> None:
        """The Tab key reaches everything, and everything that has the focus shows it and can be seen."""
        page = self.page
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate(_NOTE_FOCUS)
        count = page.evaluate(_HOW_MANY)
        for _ in range(min(count + 1, TABS)):
            page.keyboard.press("Tab")
        if count < TABS:
            self.troubles += [f"the Tab key does not reach {one}" for one in page.evaluate(_NOT_REACHED)]
        self.focus(width)

    def focus(self, width: int) -> None:
        """Everything that has the focus shows it and can be seen."""
        self.page.set_viewport_size({"width": width, "height": 844})
        self.page.keyboard.press("Tab")
        self.troubles += [f"at {width} px {one}" for one in self.page.evaluate(_FOCUS)]
