"""What a process tells of itself: metrics for Prometheus, `/healthz` and `/readyz`."""
