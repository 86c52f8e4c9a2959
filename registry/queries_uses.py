"""What rests on versions, so that they cannot be deleted; rows of the apps above, found by how they refer to them."""

from django.db.models import PROTECT, Model, QuerySet

from registry.models import ModelVersion
from registry.queries import LARGE
from registry.values import VersionInUse


def uses_of(versions: QuerySet[ModelVersion]) -> tuple[VersionInUse, ...]:
    """Those of the versions that cannot be deleted now, the lowest first, each with what rests on it."""
    rows: dict[int, set[Model]] = {}
    for relation in ModelVersion._meta.related_objects:
        if relation.on_delete is PROTECT:
            name = relation.field.name
            unused = [f"{name}__{field}" for field in LARGE]
            found = relation.related_model._default_manager.filter(**{f"{name}__in": versions})
            for row in found.select_related().select_related(name).defer(*unused):
                # A row that is part of something tells what people know: several revisions are one service.
                rows.setdefault(getattr(row, f"{name}_id"), set()).add(getattr(row, "holder", row))
    used = versions.filter(pk__in=rows).select_related("model").defer(*LARGE).reverse()
    return tuple(VersionInUse(version, tuple(sorted(rows[version.pk], key=str))) for version in used)
