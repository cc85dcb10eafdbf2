"""The one part of the build that pyproject.toml cannot say: the C engine is a cffi extension."""

from setuptools import setup

setup(cffi_modules=["native/build_engine.py:ffibuilder"])
