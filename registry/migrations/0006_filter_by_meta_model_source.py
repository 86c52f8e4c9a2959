from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def read_latest(apps, schema_editor):
    """Repeat what the latest versions say, as every change of a version does from now on."""
    versions = apps.get_model("registry", "ModelVersion").objects.filter(pk=OuterRef("latest_id"))
    rows = apps.get_model("registry", "RegisteredModel").objects.exclude(latest=None)
    rows.update(latest_source_kind=Subquery(versions.values("source_kind")))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_access"),
        ("registry", "0005_export_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="registeredmodel",
            name="latest_source_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("training", "Training job"),
                    ("template", "Template"),
                    ("image", "Container image"),
                    ("obs", "OBS"),
                ],
                max_length=16,
                verbose_name="meta model source",
            ),
        ),
        migrations.AddIndex(
            model_name="registeredmodel",
            index=models.Index(
                fields=["workspace", "latest_source_kind", "created_at", "id"], name="registry_re_workspa_b2054b_idx"
            ),
        ),
        migrations.RunPython(read_latest, migrations.RunPython.noop),
    ]
