"""The registry: models, immutable versions, their files, documents, findings and rules."""
