"""The suite's tests. A package, since an Ape dependency ships a top-level `tests` of its own."""
