"""What every import source offers. A source is one file in this package with a `SOURCE` in it, named like its kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from accounts.models import Workspace
from importers.models import TrainingRun
from importers.package.check import FileEntry
from registry.findings import Finding, Severity, Where
from registry.models import ModelSource
from stores.errors import SourceRefused, SourceUnavailable

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Origin:
    """Which object of which bucket (by primary key), where that is reached, and what tells its bytes from others."""

    bucket: int
    place: str
    key: str
    fingerprint: str


@dataclass(frozen=True)
class About:
    """What is known of what was chosen beside its files.

    `facts` last on the version, `findings` stand before those of the check, and `pins` are parameters by which this
    very thing is found again, whatever else the chosen ones mean later.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)


NOTHING_ELSE = About()


class Folder(Protocol):
    """The folder that was chosen: its files and their bytes, by path below it.

    Every method raises SourceRefused for what the user must change and SourceUnavailable for what may work later.
    Once listed, files are read from several threads at once, without a database.
    """

    @property
    def name(self) -> str:
        """The folder's own name."""
        ...

    @property
    def about(self) -> About: ...

    def files(self) -> Iterator[FileEntry]: ...

    def read(self, path: str, size: int) -> bytes:
        """At most `size` bytes from the start of a file."""
        ...

    def chunks(self, path: str) -> Iterator[bytes]:
        """A whole file as it was listed, in pieces; refused when it is another one by now."""
        ...

    def origin(self, path: str) -> Origin | None:
        """Where a listed file comes from; None where no fingerprint promises that its bytes are the same again."""
        ...


@dataclass(frozen=True)
class Terms:
    """What a source adds to the rules of a package.

    `config_text` takes the place of any configuration that is found or sent. `required_files` are patterns
    (`fnmatch`, by path below `model/`) of files that must be there beside the engine's own. `model_source` says who
    made the algorithm, `training_run` which run the version is one of.
    """

    config_text: str | None = None
    required_files: tuple[str, ...] = ()
    model_source: str = ModelSource.CUSTOM
    training_run: TrainingRun | None = None


NO_TERMS = Terms()


class Source(Protocol):
    """One kind of place that versions come from. Every method raises SourceRefused for parameters that cannot be."""

    @property
    def params(self) -> tuple[str, ...]:
        """The names of its parameters; each is a field of its form and an option of `import_model`."""
        ...

    @property
    def writes_config(self) -> bool:
        """Whether its terms always bring the configuration, so that none can be sent."""
        ...

    @property
    def consent(self) -> str:
        """Which words everybody agrees to who imports from here; empty where there is nothing to agree to."""
        ...

    def shown(self, workspace: Workspace, params: Mapping[str, str]) -> str:
        """The path as people write it, without asking the place."""
        ...

    def terms(self, workspace: Workspace, params: Mapping[str, str]) -> Terms: ...

    def locate(self, workspace: Workspace, params: Mapping[str, str]) -> Folder:
        """The folder that was chosen; one without files for what consists of a configuration alone."""
        ...


def finding_of(error: SourceRefused | SourceUnavailable, *, file: str = "") -> Finding:
    """A refusal as one more thing to tell the person who imports."""
    return Finding(error.code, Severity.ERROR, Where(file=file), error.params)
