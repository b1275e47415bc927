"""Embedded servers that speak the APIs of real systems, to rehearse and to test on.

They stand in for what nobody has at hand: their answers come from the published references, and where those are
silent, from switches that can be set either way. They know nothing of the rest of the package. What is here serves
any system; each has a package of its own below.
"""
