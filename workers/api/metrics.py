"""Metrics for Prometheus: what stands in Redis, so the same from every API process. A worker serves what it counts."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tasks.metrics.gauges import Gauges
from tasks.orders.withdrawn import still_in
from workers.api.dependencies import CurrentConnector

router = APIRouter(include_in_schema=False)  # Prometheus's format, not ours


@router.head("/metrics")
@router.get("/metrics")
def get_metrics(connector: CurrentConnector) -> Response:
    """Answer with every metric, read anew."""
    registry = CollectorRegistry()
    pump_interval = connector.settings.pump_interval
    registry.register(Gauges(connector.store, connector.catalog, still_in, pump_interval))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
