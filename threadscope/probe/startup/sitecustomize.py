"""Runs at the start of the server's Python, because this folder is first on its PYTHONPATH.

Loads the probe from the folder above under a name of its own, then hands over to the
`sitecustomize` that would have run without us. It never stops the server from starting.
"""

import os
import sys


def _load_probe() -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = spec_from_file_location(
        "_threadscope_probe",
        os.path.join(folder, "__init__.py"),
        submodule_search_locations=[folder],
    )
    sys.modules[spec.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    from _threadscope_probe import hooks

    hooks.install()


def _chain() -> None:
    """Runs the `sitecustomize` that our folder hides, as if it were not there."""
    own = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != own]
    ours = sys.modules.pop("sitecustomize", None)
    try:
        import sitecustomize  # noqa: F401  # for what it does
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours


if os.environ.get("THREADSCOPE_DIR"):
    try:
        _load_probe()
    except Exception:  # the server comes first
        pass
_chain()
