"""The seeded simulator: production services on in-memory twins, with a virtual clock and a virtual bus (promise R4).

`world.py` puts several businesses together, each with databases of its own; `bus.py` carries what they say, late, twice, in any order or
not at all; `people.py` makes up what persons do; `checks.py` says what must hold once everything is delivered; `situations.py` counts what a
run has met; `running.py` plays seeds. `make simulate SEEDS=10000 STEPS=200`, or `make simulate SEED=7` for one seed with its trace.
"""
