"""The generated company: the same rows on every machine and both engines, made by SQL in sets."""

from benchmarks.generate.build import NOW, build, set_clock, wear

__all__ = ["NOW", "build", "set_clock", "wear"]
