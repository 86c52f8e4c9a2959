from django.db import migrations

# The extension may be missing, or somebody else's to make: searching then reads every name, which is only slower.
MAY_HAVE = """
SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')
    OR EXISTS (SELECT 1 FROM pg_available_extension_versions
               WHERE name = 'pg_trgm' AND (trusted OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)))
   AND has_database_privilege(current_database(), 'CREATE')
"""
# It may also lie in a schema that we do not look into.
REACHABLE = "SELECT EXISTS (SELECT 1 FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid))"
INDEX = """
CREATE INDEX registry_model_name_search ON registry_registeredmodel USING gin (UPPER(name) gin_trgm_ops)
"""


def index_names(apps, schema_editor):
    """PostgreSQL alone: part of a name is found by an index of its letters, three at a time."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(MAY_HAVE)
        if cursor.fetchone()[0]:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        cursor.execute(REACHABLE)
        if cursor.fetchone()[0]:
            cursor.execute(INDEX)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS registry_model_name_search")


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [migrations.RunPython(index_names, drop_index)]
