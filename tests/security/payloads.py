"""A hundred texts that run a script wherever a page takes them for more than text. Each calls `xss()`, which a test listens for."""

from __future__ import annotations

_TAGS = (
    "<script>xss()</script>",
    "<script src=data:,xss()></script>",
    "<scr<script>ipt>xss()</scr</script>ipt>",
    "<ScRiPt>xss()</sCrIpT>",
    "<script/x>xss()</script>",
    "<script>xss()//",
    "<script type=module>xss()</script>",
    "<img src=x onerror=xss()>",
    "<img src=x onerror=&#120;ss()>",
    "<img/src=x/onerror=xss()>",
    "<img src onerror=xss() //",
    "<IMG SRC=x OnErRoR=xss()>",
    "<svg onload=xss()>",
    "<svg/onload=xss()>",
    "<svg><script>xss()</script></svg>",
    "<svg><animate onbegin=xss() attributeName=x>",
    "<math><mi xlink:href=javascript:xss()>x</mi></math>",
    "<body onload=xss()>",
    "<iframe src=javascript:xss()>",
    "<iframe srcdoc='<script>parent.xss()</script>'>",
    "<object data=javascript:xss()>",
    "<embed src=javascript:xss()>",
    "<video><source onerror=xss()></video>",
    "<audio src=x onerror=xss()>",
    "<details open ontoggle=xss()>x</details>",
    "<input autofocus onfocus=xss()>",
    "<select autofocus onfocus=xss()>",
    "<textarea autofocus onfocus=xss()>",
    "<marquee onstart=xss()>x</marquee>",
    "<a href=javascript:xss()>x</a>",
    "<form action=javascript:xss()><button>x</button></form>",
    "<button formaction=javascript:xss()>x</button>",
    "<meta http-equiv=refresh content=0;url=javascript:xss()>",
    "<base href=javascript:xss()//>",
    "<link rel=stylesheet href=javascript:xss()>",
    "<style>@import'javascript:xss()'</style>",
    "<div style=background:url(javascript:xss())>",
    "<template><img src=x onerror=xss()></template>",
    "<noscript><img src=x onerror=xss()></noscript>",
    "<p onpointerenter=xss() style=position:fixed;inset:0>",
)
_OUT_OF = (
    '"><img src=x onerror=xss()>',
    "'><img src=x onerror=xss()>",
    "`><img src=x onerror=xss()>",
    '" autofocus onfocus=xss() x="',
    "' autofocus onfocus=xss() x='",
    '" onpointerenter=xss() style="position:fixed;inset:0',
    "</title><script>xss()</script>",
    "</textarea><script>xss()</script>",
    "</script><script>xss()</script>",
    "</style><script>xss()</script>",
    "</template><svg onload=xss()>",
    "</option></select><svg onload=xss()>",
    "--><svg onload=xss()>",
    "]]><svg onload=xss()>",
    "*/xss()/*",
    "';xss();//",
    '";xss();//',
    "\\';xss();//",
    "-xss()-",
    "${xss()}",
    "`${xss()}`",
)
_TEMPLATES = (
    "{{7*7}}xss()",
    "{{constructor.constructor('xss()')()}}",
    "{% raw %}<svg onload=xss()>{% endraw %}",
    "{{ self.__init__.__globals__ }}",
    "<%= xss() %>",
    "#{xss()}",
    "[[xss()]]",
    "{{'<svg onload=xss()>'|safe}}",
)
_LINKS = (
    "javascript:xss()",
    "JaVaScRiPt:xss()",
    "java\tscript:xss()",
    "data:text/html,<script>xss()</script>",
    "vbscript:xss()",
    "//evil.example/xss()",
    "javascript://%0axss()",
    "[x](javascript:xss())",
    "![x](x onerror=xss())",
    "<javascript:xss()>",
)
_ENCODED = (
    "&lt;script&gt;xss()&lt;/script&gt;",
    "&#60;script&#62;xss()&#60;/script&#62;",
    "&lt;img src=x onerror=xss()&gt;",
    "%3Cscript%3Exss()%3C/script%3E",
    "\\u003cscript\\u003exss()\\u003c/script\\u003e",
    "\\x3cscript\\x3exss()\\x3c/script\\x3e",
    "+ADw-script+AD4-xss()+ADw-/script+AD4-",
    "\uff1cscript\uff1exss()\uff1c/script\uff1e",
    "<\u200bscript>xss()</script>",
    "<sc\u00adript>xss()</script>",
    "\u202e<script>xss()</script>",
    "<script\u2028>xss()</script>",
    "event: hello data: <svg onload=xss()>",
    "=HYPERLINK(xss())<svg onload=xss()>",
    '{"__type__":"x","__value__":"<svg onload=xss()>"}',
    "<!--><svg onload=xss()>-->",
    "<![CDATA[<svg onload=xss()>]]>",
    "<?xml <svg onload=xss()>?>",
    "<x:script xmlns:x=http://www.w3.org/1999/xhtml>xss()</x:script>",
    "<xss onpointerenter=xss()>x</xss>",
    "<svg><style><img src=x onerror=xss()></style>",
)

PAYLOADS = (*_TAGS, *_OUT_OF, *_TEMPLATES, *_LINKS, *_ENCODED)
assert len(PAYLOADS) == len(set(PAYLOADS)) == 100, len(PAYLOADS)


def filled(length: int, start: int) -> str:
    """As many payloads as fit into a text of this length, from one on."""
    text = ""
    for n in range(len(PAYLOADS)):
        more = PAYLOADS[(start + n) % len(PAYLOADS)]
        if len(text) + len(more) + 1 > length:
            break
        text += more + " "
    return text.strip()
