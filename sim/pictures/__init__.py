"""Pictures of a stress run or a song: plots as inline SVG in one self-contained HTML page.

`recorder` keeps what the plots need, `svg` draws with matplotlib, `runs` and `sweeps` are the plots, `tables`
the words beside them, `page` the whole.
"""
