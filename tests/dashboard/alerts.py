"""Alertmanager's part, played: two alerts, one of them over."""

from __future__ import annotations

import json
import urllib.request

from tests.dashboard.deployment import Deployment


def raise_alerts(deployment: Deployment) -> None:
    """Tell the daemon of two alerts, as Alertmanager does."""
    alert = {
        "status": "firing", "startsAt": "2026-03-02T14:31:00Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "", "fingerprint": "a1",
        "labels": {"alertname": "DataStale", "severity": "critical", "instance": "127.0.0.1:8765"},
        "annotations": {
            "summary": "No market data of IBM for three minutes",
            "description": "The feed has said nothing of IBM while its market is open.",
            "next_step": "See whether the vendor has an outage; the symbol takes no new risk meanwhile.",
            "runbook_url": "https://example.com/runbook#data-stale",
        },
    }  # fmt: skip
    lag = {
        **alert, "fingerprint": "b2", "status": "resolved", "endsAt": "2026-03-02T14:40:00Z",
        "labels": {"alertname": "LoopLag", "severity": "warning"},
        "annotations": {"summary": "The loop was late by 300 ms"},
    }  # fmt: skip
    for one in ({**lag, "status": "firing", "endsAt": "0001-01-01T00:00:00Z"}, lag, alert):
        body = {
            "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": one["status"], "receiver": "x",
            "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
            "alerts": [one],
        }  # fmt: skip
        request = urllib.request.Request(
            f"{deployment.address}v1/alerts",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {deployment.alert_token}"},
        )
        urllib.request.urlopen(request, timeout=10).close()
