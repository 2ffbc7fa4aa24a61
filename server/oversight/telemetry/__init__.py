"""What the server tells about itself: counts, metrics, spans and log lines."""
