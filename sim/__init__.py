"""The bench around the simulated device: wiring, sinks and sources, the command line."""
