"""Finding a template: three filters and a keyword, a few cards at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

from importers.catalogue.templates import KINDS, TEMPLATES, ModelTemplate

PAGE_SIZE = 3


@dataclass(frozen=True)
class Filters:
    """What is looked for; an empty value, or one that no template has, asks for nothing."""

    type: str = ""
    engine: str = ""
    environment: str = ""
    q: str = ""

    @classmethod
    def read(cls, typed: Mapping[str, str], prefix: str = "") -> "Filters":
        return cls(**{each.name: str(typed.get(prefix + each.name) or "").strip() for each in fields(cls)})

    def found(self) -> list[ModelTemplate]:
        """The templates that fit, the newest first."""
        return [template for template in TEMPLATES.values() if self._fits(template)]

    def _fits(self, template: ModelTemplate) -> bool:
        wanted = (
            (self.type, template.kind, KINDS),
            (self.engine, template.engine, ENGINES),
            (self.environment, template.environment, ENVIRONMENTS),
        )
        if any(value in known and value != own for value, own, known in wanted):
            return False
        text = _text_of(template)
        return all(word in text for word in self.q.lower().split())


def _text_of(template: ModelTemplate) -> str:
    names = (template.name, template.kind_words)
    words = [template.id, template.engine, template.engine_version, template.engine_chip, template.environment]
    return " ".join([*(text for name in names for text in (name.en, name.zh)), *words]).lower()


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=str.lower))


# What the filters offer.
ENGINES = _each(template.engine for template in TEMPLATES.values())
ENVIRONMENTS = _each(template.environment for template in TEMPLATES.values())


@dataclass(frozen=True)
class Group:
    """Templates under one heading."""

    own: bool
    templates: list[ModelTemplate]

    @property
    def kind(self) -> str:
        return "own" if self.own else "documented"


@dataclass(frozen=True)
class Picker:
    """The cards of one page, and the choice among all of them; `page` 0 is the one with the chosen card."""

    filters: Filters
    chosen: str = ""
    page: int = 0

    @cached_property
    def found(self) -> list[ModelTemplate]:
        return self.filters.found()

    @property
    def total(self) -> int:
        return len(self.found)

    @property
    def groups(self) -> list["Group"]:
        """Ours and the documented ones apart; only what was found."""
        groups = (Group(own, [each for each in self.found if each.own is own]) for own in (True, False))
        return [group for group in groups if group.templates]

    @property
    def pages(self) -> range:
        return range(1, max(1, -(-self.total // PAGE_SIZE)) + 1)

    @cached_property
    def number(self) -> int:
        """The page that is shown."""
        ids = [template.id for template in self.found]
        page = self.page or (ids.index(self.chosen) // PAGE_SIZE + 1 if self.chosen in ids else 1)
        return min(max(page, 1), self.pages[-1])

    @property
    def cards(self) -> list[ModelTemplate]:
        first = (self.number - 1) * PAGE_SIZE
        return self.found[first : first + PAGE_SIZE]

    @property
    def chosen_elsewhere(self) -> ModelTemplate | None:
        """The chosen template while its card is not on this page: it stays chosen."""
        return None if self.chosen in {card.id for card in self.cards} else TEMPLATES.get(self.chosen)

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        """0 on the last page."""
        return 0 if self.number == self.pages[-1] else self.number + 1

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(kind, str(words)) for kind, words in KINDS.items()]

    @property
    def engines(self) -> tuple[str, ...]:
        return ENGINES

    @property
    def environments(self) -> tuple[str, ...]:
        return ENVIRONMENTS
