"""The front panel: a page in the browser and the server behind it; `sim.panel.serve.serve` is the way in."""
