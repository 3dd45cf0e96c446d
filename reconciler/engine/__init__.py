"""Use cases over ports: order and concurrency, no decisions."""
