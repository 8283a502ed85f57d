"""Names lead to classes; what cannot run says why, and a named engine never falls back."""

import pytest

from pipeline.common.adapters import Adapter, is_installed, load
from pipeline.common.errors import EngineError, MissingPackageError
from pipeline.engines import registry
from pipeline.engines.base import Engine
from pipeline.engines.identity import IdentityEngine
from pipeline.engines.registry import EngineAdapter
from pipeline.live.sinks.opening import VIRTUAL_CAMERA
from pipeline.live.sources.opening import VIDEO_FILE
from pipeline.stream import Sink, Source

ABSENT = "brushstream_no_such_package"


class CrippledEngine(IdentityEngine):
    """An engine whose hardware is not there."""

    @classmethod
    def why_unavailable(cls) -> str | None:
        return "no abacus found"


CRIPPLED = EngineAdapter(f"{__name__}:CrippledEngine", auto=True)
WHOLE = registry.ENGINES["openvino"]


@pytest.mark.parametrize(
    ("table", "base"),
    [
        (registry.ENGINES, Engine),
        ({"video-file": VIDEO_FILE}, Source),
        ({"virtual-camera": VIRTUAL_CAMERA}, Sink),
    ],
)
def test_every_name_leads_to_a_class(table: dict[str, Adapter], base: type) -> None:
    for name, adapter in table.items():
        if adapter.package and not is_installed(adapter.package):
            with pytest.raises(MissingPackageError, match=f"'{adapter.package}', not installed") as refused:
                load(name, adapter)
            assert (adapter.extra or "") in str(refused.value)
        else:
            assert issubclass(load(name, adapter), base), name


def test_auto_takes_openvino_before_onnxruntime() -> None:
    assert registry.select_engine("auto").name == "openvino"


def test_auto_says_why_it_refused_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_engine", lambda name: engines[name])
    engines = {"crippled": CrippledEngine, "whole": IdentityEngine}
    monkeypatch.setattr(registry, "ENGINES", {"crippled": CRIPPLED, "whole": WHOLE})
    chosen = registry.select_engine("auto")
    assert (chosen.name, chosen.engine) == ("whole", IdentityEngine)
    assert chosen.explain() == " (crippled: no abacus found)"
    with pytest.raises(EngineError, match="crippled cannot run here: no abacus found"):
        registry.select_engine("crippled")
    monkeypatch.setattr(registry, "ENGINES", {"crippled": CRIPPLED})
    with pytest.raises(EngineError, match=r"no engine can run here \(crippled: no abacus found\)"):
        registry.select_engine("auto")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = EngineAdapter("pipeline.engines.fast:FastEngine", ABSENT, "fast", auto=True)
    monkeypatch.setattr(registry, "ENGINES", {"fast": fast, "openvino": WHOLE})
    with pytest.raises(MissingPackageError, match=r"pip install 'brushstream\[fast\]'"):
        registry.select_engine("fast")
    chosen = registry.select_engine("auto")
    assert chosen.name == "openvino"
    assert ABSENT in chosen.explain()


def test_a_package_that_does_not_load_is_told_apart() -> None:
    with pytest.raises(MissingPackageError, match="is installed but does not load"):
        load("odd", Adapter("pipeline.engines.no_such_adapter:Odd"))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(EngineError, match="'cuda'; choose auto, tensorrt, openvino, onnxruntime, identity"):
        registry.select_engine("cuda")


def test_devices_and_providers_name_their_engine() -> None:
    assert registry.engine_on("auto", None, None) == "auto"
    assert registry.engine_on("auto", "GPU", None) == "openvino:GPU"
    assert registry.engine_on("onnxruntime", None, "CUDA") == "onnxruntime:CUDA"
    with pytest.raises(EngineError, match="--device belongs to engine openvino, not to tensorrt"):
        registry.engine_on("tensorrt", "GPU", None)
    with pytest.raises(EngineError, match="give one of them"):
        registry.engine_on("auto", "GPU", "CUDA")
    chosen = registry.select_engine("openvino:CPU")
    assert (chosen.name, chosen.device, chosen.named) == ("openvino", "CPU", True)


def test_a_stand_in_is_looked_for_behind_the_chosen() -> None:
    assert registry.select_engine("auto", after="tensorrt").name == "openvino"
    assert registry.select_engine("auto", after="openvino").name == "onnxruntime"
