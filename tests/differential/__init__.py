"""The same machine as Ignition makes: random configs, applied by the real Ignition and by us.

``python -m tests.differential --count 40 --seed 7`` draws configs, applies each to two copies of
one root file system, and compares what came out. See ``__main__`` for the options.
"""
