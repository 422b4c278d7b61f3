"""Sends spans to an OpenTelemetry collector (OTLP over HTTP), when `OTEL_EXPORTER_OTLP_ENDPOINT` names one.

The packages are imported only then. Spans wait in a bounded queue and leave from a thread of their own (a green one in nameko
processes): a collector that is away or slow loses spans, and nothing else. The standard variables say the rest: `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_BSP_SCHEDULE_DELAY`, `OTEL_RESOURCE_ATTRIBUTES` …
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from prometheus_client import Counter

from shared import settings, traces

log = logging.getLogger(__name__)

SPANS = Counter("accord_spans_total", "Spans by what became of them: sent or lost.", ["outcome"])
FLUSH_S = 1.0
_processor: Any = None


def start(process: str) -> bool:
    """Export the spans of this process, if an endpoint is configured. Whether one is."""
    global _processor
    if not any(
        settings.optional(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT", "") for kind in ("", "TRACES_")
    ) or settings.optional("OTEL_SDK_DISABLED", "").lower() in {"true", "1"}:
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    # Each failure would be a line with a traceback; the counter tells, and one line when it begins.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    inner = OTLPSpanExporter()

    class Counting(SpanExporter):
        """Counts what was sent and what was lost, and says when that changes."""

        well = True

        def export(self, spans: Any) -> SpanExportResult:
            try:
                result = inner.export(spans)
            except Exception:
                result = SpanExportResult.FAILURE
            well = result is SpanExportResult.SUCCESS
            SPANS.labels("sent" if well else "lost").inc(len(spans))
            if well != self.well:
                self.well = well
                log.warning("the collector of traces %s", "takes spans again" if well else "is away: spans are lost")
            return result

        def shutdown(self) -> None:
            inner.shutdown()  # type: ignore[no-untyped-call]

    resource = Resource.create({"service.name": process, "service.namespace": "accord", "accord.cell": settings.cell()})
    scope = InstrumentationScope("accord")
    processor = _processor = BatchSpanProcessor(Counting())

    def context(trace_id: str, span_id: str, flags: str, *, remote: bool) -> SpanContext:
        return SpanContext(int(trace_id, 16), int(span_id, 16), remote, TraceFlags(int(flags, 16)))

    def export(span: traces.Span) -> None:
        trace, links = span.trace, []
        foreign = traces.read(trace.linked)
        if foreign is not None:
            links.append(Link(context(foreign.id, foreign.span, foreign.flags, remote=True)))
        processor.on_end(
            ReadableSpan(
                name=span.name,
                context=context(trace.id, trace.span, trace.flags, remote=False),
                parent=context(trace.id, trace.parent, trace.flags, remote=True) if trace.parent else None,
                resource=resource,
                attributes=span.attributes,
                links=links,
                kind=SpanKind[span.kind.upper()],
                instrumentation_scope=scope,
                status=Status(StatusCode.ERROR) if span.failed else Status(StatusCode.UNSET),
                start_time=span.started,
                end_time=span.ended,
            )
        )

    traces.export = export
    return True


def stop() -> None:
    """Send what still waits, for at most a second: a collector that is away holds nobody up."""
    if _processor is not None:
        last = threading.Thread(target=_processor.force_flush, args=(int(FLUSH_S * 1000),), daemon=True)
        last.start()
        last.join(FLUSH_S)
