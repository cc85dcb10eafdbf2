"""What the bench measures by simulation: cache, latency, risk; and how such work is spread over machines."""
